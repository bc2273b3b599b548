/* api_operator.c -- what the person who runs the server asks for: reload, and a copy of the registry. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "sidecar/api.h"
#include "sidecar/errand.h"
#include "sidecar/snapshot.h"

void api_reload(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	int error;

	if (!errand_begin(call, ERRAND_RELOAD))
		return;
	error = sidecar->config.reload ? sidecar->config.reload() : -ENOTSUP;
	if (error)
		errand_done(sidecar, ERRAND_RELOAD, 503, err_str(error));
}

void sidecar_reloaded(struct sidecar *sidecar, bool good, const char *text)
{
	errand_done(sidecar, ERRAND_RELOAD, good ? 200 : 400, text);
}

void api_reload_done(struct sidecar *sidecar, struct call *call, int status, const char *text)
{
	if (call)
		call_text(call, status, "%s", text);
}

void api_snapshot(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	int error;

	if (!errand_begin(call, ERRAND_SNAPSHOT))
		return;
	error = snapshot_start(sidecar);
	if (error)
		errand_done(sidecar, ERRAND_SNAPSHOT, 503, err_str(error));
}

void api_snapshot_done(struct sidecar *sidecar, struct call *call, int status, const char *text)
{
	int fd = snapshot_take(sidecar);
	struct stat info;

	if (!call || status != 200 || fd < 0 || fstat(fd, &info) < 0) {
		if (fd >= 0)
			close(fd);
		if (call)
			call_text(
				call, status == 200 ? 503 : status, "%s", *text ? text : "the copy is gone");
		return;
	}
	call->status = 200;
	call->content_type = "application/vnd.sqlite3";
	call->file = fd;
	call->file_size = (size_t)info.st_size;
	call_send(call);
}
