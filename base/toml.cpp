#include "base/toml.h"

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#define TOML_ENABLE_FORMATTERS 0
#define TOML_EXCEPTIONS	       1
#include <toml++/toml.h>

namespace
{

/*
 * toml++ bounds the nesting of values but not of dotted keys, and walks and destroys its tables
 * recursively. No deeper nesting can be written than there are dots.
 */
constexpr size_t max_len = 1 << 20;
constexpr size_t max_dots = 4096;

struct walk {
	const char *name;
	toml_visit_fn *visit;
	toml_table_fn *table;
	void *arg;
	struct error *err;
	std::string key; /* of the table at hand, then of the leaf */
};

/* Dots in lines that are no comment. */
size_t count_dots(std::string_view text)
{
	bool comment = false, line_start = true;
	size_t n = 0;

	for (char c : text) {
		if (c == '\n') {
			comment = false;
			line_start = true;
			continue;
		}
		if (line_start && c == '#')
			comment = true;
		if (c != ' ' && c != '\t')
			line_start = false;
		if (c == '.' && !comment)
			n++;
	}
	return n;
}

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

		if (count_dots(view) > max_dots)
			return err_msg(err, -EINVAL, "%s: more than %zu dots outside of comments",
				       name, max_dots);
		return walk_table(w, toml::parse(view));
	} catch (const toml::parse_error &failure) {
		const toml::source_position at = failure.source().begin;
		const std::string what(failure.description());

		return err_msg(err, -EINVAL, "%s:%u:%u: %s", name, static_cast<unsigned>(at.line),
			       static_cast<unsigned>(at.column), what.c_str());
	} catch (const std::exception &failure) {
		return err_msg(err, -ENOMEM, "%s: %s", name, failure.what());
	}
}
