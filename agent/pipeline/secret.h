/*
 * secret.h - ${ENV:NAME}, ${FILE:/path} and ${CREDENTIAL:name} in a value, replaced by what they stand for.
 *
 * A credential is a file of that name in $CREDENTIALS_DIRECTORY, where the service manager puts it. One newline at a file's end
 * is dropped, as editors and `echo` add it. "$${" is a literal "${". What is put in is not looked at again. Reads files and
 * the environment, keeps nothing; errors name the reference, never the content.
 */
#ifndef AGENT_PIPELINE_SECRET_H
#define AGENT_PIPELINE_SECRET_H

#include "agent/base/err.h"

#include <stdbool.h>

#define SECRET_FILE_MAX (64 * 1024)

/* *out is malloc'd. */
int secret_expand(const char *text, char **out, struct err *err);
bool secret_has_reference(const char *text);

#endif
