/* test_lock.c -- the registry's folder and lock, and what their later owner may try while they are made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "main/lock.h"

#define NOBODY 65534u

static char folder[] = "/tmp/svcdns-test-XXXXXX", victim[64], path[64], lock[64];
static bool swap; /* a new folder is gone at once, and a link to `victim` is there */

/* In libc's place. */
int mkdirat(int parent, const char *name, mode_t mode)
{
	int r = (int)syscall(SYS_mkdirat, parent, name, mode);
	if (r == 0 && swap) {
		assert_int_equal(unlinkat(parent, name, AT_REMOVEDIR), 0);
		assert_int_equal(symlinkat(victim, parent, name), 0);
	}
	return r;
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	snprintf(path, sizeof(path), "%s/reg/registry.db", folder);
	snprintf(lock, sizeof(lock), "%s/reg/registry.db.lock", folder);
	return 0;
}

static int tear_down(void **state)
{
	char made[64];
	(void)state;
	swap = false;
	snprintf(made, sizeof(made), "%s/reg", folder);
	unlink(lock);
	unlink(made);
	rmdir(made);
	unlink(victim);
	rmdir(victim);
	rmdir(folder);
	memcpy(strrchr(folder, '-') + 1, "XXXXXX", 6);
	return 0;
}

/* Another user where that can be: only root may give something away. */
static unsigned other(void)
{
	return getuid() == 0 ? NOBODY : getuid();
}

static void test_one_holder(void **state)
{
	char message[512], expected[512];
	struct stat info;
	(void)state;
	int fd = lock_registry(path, other(), getgid(), message);
	assert_true(fd >= 0);
	assert_int_equal(stat(lock, &info), 0);
	assert_int_equal(info.st_uid, other());
	assert_int_equal(info.st_mode & 0777, 0600);
	*strrchr(lock, '/') = '\0';
	assert_int_equal(stat(lock, &info), 0);
	lock[strlen(lock)] = '/';
	assert_int_equal(info.st_uid, other());
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(lock_registry(path, (unsigned)-1, (unsigned)-1, message), -EBUSY);
	snprintf(expected, sizeof(expected), "the registry %s is held by another svcdnsd with pid %d", path,
		(int)getpid());
	assert_string_equal(message, expected);
	close(fd);
	/* The folder is there now. */
	fd = lock_registry(path, other(), getgid(), message);
	assert_true(fd >= 0);
	close(fd);
}

static void test_a_link_in_the_new_folders_place(void **state)
{
	char message[512];
	struct stat info;
	(void)state;
	assert_int_equal(mkdir(victim, 0700), 0);
	swap = true;
	assert_int_equal(lock_registry(path, other(), getgid(), message), -ENOTDIR);
	assert_non_null(strstr(message, "/reg: Not a directory"));
	assert_int_equal(stat(victim, &info), 0);
	assert_int_equal(info.st_uid, getuid());
	assert_int_equal(info.st_nlink, 2);
}

static void test_another_files_second_name(void **state)
{
	char message[512];
	struct stat info;
	(void)state;
	if (getuid() != 0)
		skip(); /* needs root, who alone can give a file away */
	close(open(victim, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(truncate(victim, 7), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(mkdir(path, 0700), 0);
	path[strlen(path)] = '/';
	assert_int_equal(link(victim, lock), 0);
	assert_int_equal(lock_registry(path, NOBODY, NOBODY, message), -EPERM);
	assert_non_null(strstr(message, "cannot give away"));
	assert_int_equal(stat(victim, &info), 0);
	assert_int_equal(info.st_uid, 0);
	assert_int_equal(info.st_size, 7);
	unlink(lock);
	assert_int_equal(symlink(victim, lock), 0);
	assert_int_equal(lock_registry(path, NOBODY, NOBODY, message), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_holder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_link_in_the_new_folders_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_files_second_name, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
