/* Random (version 4) UUIDs by libuuid. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

enum { UUID_TEXT_LEN = 37 }; /* with NUL */

/* Fills out with a lower-case random UUID. */
void uuid_generate_text(char out[static UUID_TEXT_LEN]);

#endif
