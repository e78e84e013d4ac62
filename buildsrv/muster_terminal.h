/* The terminal as a screen to draw on, and as it was before. */
#ifndef MUSTER_MUSTER_TERMINAL_H
#define MUSTER_MUSTER_TERMINAL_H

#include <stddef.h>

/* Where keys can be read; -1: nowhere.  Comes first. */
int	terminal_open(void);
/* An empty screen; keys come as they are pressed.  Twice is once. */
void	terminal_take(void);
/* What was there before; also at exit. */
void	terminal_give_back(void);
void	terminal_put(const char *, size_t);

#endif
