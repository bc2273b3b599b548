/* roles.h -- the processes under the supervisor, each from its first line to its exit status. */
#pragma once

/* The dns process; `parent` is the supervisor's pid. Returns the exit status. */
int role_dns(int parent);

/* The sidecar process. Returns the exit status. */
int role_sidecar(int parent);

/* The relay process. Returns the exit status. */
int role_relay(int parent);
