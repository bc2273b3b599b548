/* recipe_texts.h -- the files of doc/recipes as strings; embed.py writes recipe_texts.c. */
#pragma once

extern const char recipe_bind_conf[];
extern const char recipe_bind_options_conf[];
extern const char recipe_compose_yaml[];
extern const char recipe_dnsmasq_conf[];
extern const char recipe_networkmanager_conf[];
extern const char recipe_resolv_conf[];
extern const char recipe_resolved_conf[];
extern const char recipe_unbound_conf[];
