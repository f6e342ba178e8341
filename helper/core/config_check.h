/* What a setting's value must look like: the checks that keys.def names. */
#ifndef DAYPASS_CONFIG_CHECK_H
#define DAYPASS_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Each returns NULL where the value is good, else what it should be. */
const char *is_tenant(const char *value);
const char *is_guid(const char *value);
const char *is_word(const char *value);
const char *is_cloud(const char *value);
const char *is_https(const char *value);
const char *is_text(const char *value);
const char *is_path(const char *value);
const char *is_subject_claim(const char *value);
const char *is_source_url(const char *value);
const char *is_header(const char *value);
const char *is_name(const char *value);
const char *is_command(const char *value);
const char *is_resource_id(const char *value);
const char *is_region(const char *value);
const char *is_resources(const char *value);
const char *is_subject(const char *value);
const char *is_on_failure(const char *value);
const char *is_cache(const char *value);
const char *is_hot(const char *value);
const char *is_store(const char *value);
const char *is_registry_user(const char *value);
const char *is_mode(const char *value);
const char *is_host(const char *value);
const char *is_helper(const char *value);
const char *is_keyring(const char *value);
const char *is_timeout(const char *value);
/* NULL, or what is wrong with a [match] pattern. keeps: its section is only about what clients give us to keep, which may
 * be for http, another port, or every host ("*"). */
const char *config_bad_pattern(const char *pattern, bool keeps);
/* The word of the list that was probably meant, or NULL. */
const char *config_near(const char *word, const char *const *list, size_t count);

#endif
