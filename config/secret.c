/*
 * Where values come from: the environment, secret files, paths. A secret is
 * wiped from every place of ours that it passed through, and never quoted.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/internal.h"
#include "core/buf.h"

#define SECRET_MAX 8192

void config_wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

char *config_path(const struct loader *l, const char *text)
{
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 16384);
	if (text[0] != '/')
		buf_add_str(&b, l->dir);
	buf_add_str(&b, text);
	return mem_strdup(buf_str(&b));
}

static size_t env_name(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n && !isdigit((unsigned char)s[0]) ? n : 0;
}

enum status config_expand(char **out, const struct loader *l, const char *key,
			  const char *text, size_t line)
{
	AUTO_SECRET_BUF b = BUF_NULL;
	char name[128];
	const char *v;

	buf_init(&b, 65536);
	for (const char *p = text; *p;) {
		size_t n;

		if (p[0] != '$' || p[1] != '{') {
			buf_add_byte(&b, (uint8_t)*p++);
			continue;
		}
		n = env_name(p + 2);
		if (!n || n >= sizeof(name) || p[2 + n] != '}')
			return config_fail(l, line, key,
					   "${…} must hold the name of an "
					   "environment variable");
		memcpy(name, p + 2, n);
		name[n] = '\0';
		v = getenv(name);
		if (!v)
			return config_fail(l, line, key,
					   "the environment variable %s is "
					   "not set",
					   name);
		buf_add_str(&b, v);
		p += n + 3;
	}
	if (b.overflow)
		return config_fail(l, line, key, "the value is too long");
	*out = mem_strdup(buf_str(&b));
	return ST_OK;
}

static enum status read_all(struct buf *b, int fd, const char *path,
			    struct err *err)
{
	char chunk[1024];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ST_REJECTED, "cannot read %s: %s",
				       path, strerror(errno));
		buf_add(b, chunk, (size_t)n);
	}
	explicit_bzero(chunk, sizeof(chunk));
	return buf_check(b, path, err);
}

static enum status check_mode(int fd, const char *path, struct err *err)
{
	struct stat s;

	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
		return err_set(err, ST_REJECTED, "%s is not a regular file",
			       path);
	if (s.st_mode & 077)
		return err_set(err, ST_REJECTED,
			       "%s is readable by others (mode %04o): chmod "
			       "600 it",
			       path, (unsigned)(s.st_mode & 07777));
	return ST_OK;
}

enum status config_secret_file(char **out, const char *path, struct err *err)
{
	AUTO_SECRET_BUF b = BUF_NULL;
	enum status st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, ST_REJECTED, "cannot open %s: %s", path,
			       strerror(errno));
	buf_init(&b, SECRET_MAX);
	st = check_mode(fd, path, err);
	if (st == ST_OK)
		st = read_all(&b, fd, path, err);
	close(fd);
	if (st != ST_OK)
		return st;
	while (b.len &&
	       (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r'))
		b.data[--b.len] = '\0';
	if (!b.len || memchr(b.data, 0, b.len))
		return err_set(err, ST_REJECTED, "%s is %s", path,
			       b.len ? "not text" : "empty");
	*out = mem_strndup((const char *)b.data, b.len);
	return ST_OK;
}
