/* registry.h -- the door of the registry room: the truth about services, on disk.
 *
 * This is the only room that knows SQLite. One thread in the whole program writes (writer.h); any thread may
 * own a reader (reader.h); what changes too often to be worth a disk write is live state (live.h). Every
 * effective change gets the next number of the persistent index and a row in the changelog; whoever follows
 * asks "what changed since N" and reads those services anew.
 *
 *   http, health --command--> writer --apply--> SQLite (WAL) --changes since N--> the view's follower
 *        ^                      |
 *        +------ inbox <--------+  results, and what each commit changed
 */
#pragma once

#include "registry/model.h"
#include "registry/command.h"
#include "registry/inbox.h"
#include "registry/writer.h"
#include "registry/reader.h"
#include "registry/live.h"
#include "registry/backup.h"
