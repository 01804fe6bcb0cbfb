/* Log in runc's two formats: logrus text and JSON, appended to a file or written to stderr. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Opens the log: path NULL or "" means stderr; files are opened O_APPEND|O_CREAT 0644, never
 * truncated. Call once, from main. */
int log_open(const char *path, enum log_format format, enum log_level level, struct error *err)
	must_check;
/* Lets the log go to an open descriptor (not owned) instead: for helpers that got one. */
void log_use_fd(int fd, enum log_format format, enum log_level level);
/* "text" or "json"; -EINVAL otherwise (message "invalid log-format: X" is the caller's). */
int log_parse_format(const char *text, enum log_format *format) must_check;
/* Writes one record by one write(2). Control characters and quotes are escaped. */
void log_write(enum log_level level, const char *fmt, ...) printf_like(2, 3);
/* True when the log goes to stderr. */
bool log_is_stderr(void);
/* Descriptor of the log, or -1: to hand to helpers. */
int log_fd(void);
enum log_format log_get_format(void);
enum log_level log_get_level(void);

#define log_debug(...)	 log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_ERROR, __VA_ARGS__)

#endif
