/*
 * serve - the command `gestor serve`: start, serve, stop.
 */
#ifndef SERVE_H
#define SERVE_H

/*
 * serve - serves until SIGTERM or SIGINT.
 * returns the exit status: 0; 1 when the start failed or the database is unfit (db/probe.h);
 * 2 for invalid settings
 */
int serve(void);

#endif
