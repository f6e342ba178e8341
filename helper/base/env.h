/* The environment as a port, so that a test can hand in its own. */
#ifndef DAYPASS_ENV_H
#define DAYPASS_ENV_H

/* vars is a NULL-terminated list of NAME=value; borrowed. */
struct env {
	char *const *vars;
};

/* The value of a variable, or NULL where it is unset or empty: no client tells these two apart. Borrowed. */
const char *env_get(const struct env *env, const char *name);

#endif
