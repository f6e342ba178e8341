/* placeholder */
#include "helper/cmd/cmd.h"
static int nothing(struct ctx *ctx UNUSED, int argc UNUSED, char *const *argv UNUSED) { return 1; }
const struct command command_configure = {"configure", "configure git [--global | --system | --file FILE] [--dry-run]", "make git ask daypass", nothing};
const struct command command_unconfigure = {"unconfigure", "unconfigure git [--global | --system | --file FILE] [--dry-run]", "take that back", nothing};
