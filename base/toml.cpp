#include "base/toml.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace
{

[[noreturn]] void malformed()
{
	throw std::logic_error("malformed key, table header or value");
}

} // namespace

#define TOML_ENABLE_FORMATTERS 0
#define TOML_EXCEPTIONS	       1
/*
 * toml++ 3.3 meets some malformed input ("[[[") with nothing but an assertion. Here these never
 * abort, and NDEBUG must not turn them into assumptions.
 */
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : malformed())
#include <toml++/toml.h>

namespace
{

constexpr size_t max_len = 1 << 20;
constexpr size_t max_dots = 4096;

/* What toml++ itself is not safe against is found before it sees the text. */
class precheck
{
      public:
	explicit precheck(std::string_view doc) : text(doc)
	{
		/* A byte order mark is fine. */
		if (text.substr(0, 3) == "\xef\xbb\xbf")
			pos = 3;
	}

	/* Returns what is wrong, at line(), or NULL. */
	const char *run()
	{
		for (; pos < text.size(); pos++) {
			const char c = text[pos];

			if (c == '#')
				skip_comment();
			else if (c == '"' || c == '\'')
				skip_string(c);
			/* No ASCII is always an error; toml++ 3.3 has undefined behaviour for some.
			 */
			else if (static_cast<unsigned char>(c) >= 0x80)
				return "only ASCII may stand outside of strings and comments";
			/* Dotted keys nest tables, which toml++ walks and destroys recursively. */
			else if (c == '.' && ++dots > max_dots)
				return "too many dots outside of strings and comments";
		}
		return nullptr;
	}

	unsigned line() const
	{
		const auto end = text.begin() +
				 static_cast<std::ptrdiff_t>(std::min(pos, text.size()));

		return 1 + static_cast<unsigned>(std::count(text.begin(), end, '\n'));
	}

      private:
	std::string_view text;
	size_t pos = 0;
	size_t dots = 0;

	void skip_comment()
	{
		while (pos + 1 < text.size() && text[pos + 1] != '\n')
			pos++;
	}

	bool is_triple(char quote) const
	{
		return pos + 2 < text.size() && text[pos] == quote && text[pos + 1] == quote &&
		       text[pos + 2] == quote;
	}

	/* From the opening quote to the last closing one. What toml++ refuses anyway may be
	 * misread. */
	void skip_string(char quote)
	{
		const bool multiline = is_triple(quote);

		pos += multiline ? 3 : 1;
		for (; pos < text.size(); pos++) {
			if (quote == '"' && text[pos] == '\\')
				pos++;
			else if (multiline ? is_triple(quote)
					   : text[pos] == quote || text[pos] == '\n')
				break;
		}
		if (!multiline)
			return;
		pos += 2;
		/* Two more quotes belong to the text. */
		for (int i = 0; i < 2 && pos + 1 < text.size() && text[pos + 1] == quote; i++)
			pos++;
	}
};

struct walk {
	const char *name;
	toml_visit_fn *visit;
	toml_table_fn *table;
	void *arg;
	struct error *err;
	std::string key; /* of the table at hand, then of the leaf */
};

bool is_bare(std::string_view key)
{
	for (char c : key) {
		bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || c == '_' || c == '-';
		if (!allowed)
			return false;
	}
	return !key.empty();
}

void add_key(std::string &path, std::string_view key)
{
	if (!path.empty())
		path += '.';
	if (is_bare(key)) {
		path += key;
		return;
	}
	path += '"';
	for (char c : key) {
		if (c == '"' || c == '\\')
			path += '\\';
		path += c;
	}
	path += '"';
}

bool has_nul(std::string_view text)
{
	return text.find('\0') != std::string_view::npos;
}

int refuse_nul(const struct walk &w, const toml::node &node)
{
	return err_msg(w.err, -EINVAL, "%s:%u:%u: '%s' contains a NUL character", w.name,
		       static_cast<unsigned>(node.source().begin.line),
		       static_cast<unsigned>(node.source().begin.column), w.key.c_str());
}

/* An array of anything but strings stays TOML_OTHER. */
int take_array(const struct walk &w, const toml::array &array, struct toml_value &value,
	       std::vector<const char *> &items)
{
	for (const toml::node &node : array) {
		const toml::value<std::string> *text = node.as_string();

		if (!text)
			return 0;
		if (has_nul(text->get()))
			return refuse_nul(w, node);
		items.push_back(text->get().c_str());
	}
	value.n_strs = items.size();
	items.push_back(nullptr);
	value.kind = TOML_STRS;
	value.strs = items.data();
	return 0;
}

int visit_leaf(const struct walk &w, const toml::node &node)
{
	struct toml_value value = {};
	std::vector<const char *> items;

	value.kind = TOML_OTHER;
	value.line = static_cast<unsigned>(node.source().begin.line);
	if (const auto *text = node.as_string()) {
		if (has_nul(text->get()))
			return refuse_nul(w, node);
		value.kind = TOML_STR;
		value.str = text->get().c_str();
	} else if (const auto *integer = node.as_integer()) {
		value.kind = TOML_INT;
		value.integer = integer->get();
	} else if (const auto *boolean = node.as_boolean()) {
		value.kind = TOML_BOOL;
		value.boolean = boolean->get();
	} else if (const auto *real = node.as_floating_point()) {
		value.kind = TOML_FLOAT;
		value.real = real->get();
	} else if (const auto *array = node.as_array()) {
		int ret = take_array(w, *array, value, items);

		if (ret != 0)
			return ret;
	}
	return w.visit(w.arg, w.key.c_str(), &value, w.err);
}

int walk_table(struct walk &w, const toml::table &table)
{
	const size_t len = w.key.size();

	for (const auto &member : table) {
		const toml::node &node = member.second;
		int ret = 0;

		add_key(w.key, member.first.str());
		if (has_nul(w.key)) {
			ret = refuse_nul(w, node);
		} else if (const auto *inner = node.as_table()) {
			if (w.table)
				ret = w.table(w.arg, w.key.c_str(),
					      static_cast<unsigned>(node.source().begin.line),
					      w.err);
			if (ret == 0)
				ret = walk_table(w, *inner);
		} else {
			ret = visit_leaf(w, node);
		}
		if (ret != 0)
			return ret;
		w.key.resize(len);
	}
	return 0;
}

} // namespace

int toml_visit(const char *name, const char *text, size_t len, toml_visit_fn *visit,
	       toml_table_fn *table, void *arg, struct error *err)
{
	if (len > max_len)
		return err_msg(err, -EINVAL, "%s: %zu bytes are more than the allowed %zu", name,
			       len, max_len);
	try {
		const std::string_view view(text, len);
		struct walk w = { name, visit, table, arg, err, {} };
		precheck check(view);
		const char *wrong = check.run();

		if (wrong)
			return err_msg(err, -EINVAL, "%s:%u: %s", name, check.line(), wrong);
		return walk_table(w, toml::parse(view));
	} catch (const toml::parse_error &failure) {
		const toml::source_position at = failure.source().begin;
		const std::string what(failure.description());

		return err_msg(err, -EINVAL, "%s:%u:%u: %s", name, static_cast<unsigned>(at.line),
			       static_cast<unsigned>(at.column), what.c_str());
	} catch (const std::logic_error &failure) {
		return err_msg(err, -EINVAL, "%s: %s", name, failure.what());
	} catch (const std::exception &failure) {
		return err_msg(err, -ENOMEM, "%s: %s", name, failure.what());
	}
}
