/* A line on the terminal while something takes seconds, gone when it is done. */
#ifndef RUNTIME_FACTORY_PROGRESS_H
#define RUNTIME_FACTORY_PROGRESS_H

/* Lets the lines be shown on stderr. Without it nothing ever is: for main, when people look. */
void progress_enable(void);
/* Shows text in place of what was shown before; NULL shows nothing any more. */
void progress_show(const char *text);

#endif
