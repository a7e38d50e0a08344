/*
 * serve - how serving starts and ends, from top to bottom.
 */
#ifndef SERVE_H
#define SERVE_H

/* serve - serves until SIGTERM or SIGINT. returns an exit status */
int serve(void);

#endif
