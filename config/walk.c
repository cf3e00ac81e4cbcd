/*
 * Walks the parsed YAML along the table of keys. The depth it follows is the
 * table's, so a hostile document can neither recurse nor grow by aliases.
 */
#include <stdio.h>

#include "config/internal.h"

#define MAP_MAX 64 /* keys in one mapping */

static enum status walk_map(struct loader *l, const yaml_node_t *map,
			    const char *prefix, void *base);

static size_t line_of(const yaml_node_t *n)
{
	return n->start_mark.line + 1;
}

static yaml_node_t *node(struct loader *l, int id)
{
	return yaml_document_get_node(&l->doc, id);
}

/* The text of a scalar, without a zero inside; NULL otherwise. */
static const char *scalar(const yaml_node_t *n)
{
	const char *s;

	if (n->type != YAML_SCALAR_NODE)
		return NULL;
	s = (const char *)n->data.scalar.value;
	return strlen(s) == n->data.scalar.length ? s : NULL;
}

/* Goes on without the value of @k, whose reason is in l->err. */
static enum status leave_unread(struct loader *l, const struct config_key *k)
{
	struct config *c = l->c;

	c->unread =
	    mem_resize(c->unread, c->unread_count + 1, sizeof(*c->unread));
	c->unread[c->unread_count++] =
	    (struct config_unread){ .key = k->path,
				    .why = mem_strdup(l->err->msg) };
	l->seen[k - config_keys] = false; /* its default, if it has one */
	return ST_OK;
}

static enum status set_scalar(struct loader *l, const struct config_key *k,
			      void *base, const yaml_node_t *n, bool from_file)
{
	const char *text = scalar(n);
	char *value = NULL, *secret = NULL;
	struct err why = { 0 };
	enum status st;

	if (!text)
		return config_fail(l, line_of(n), k->path,
				   "must be one value, not a list or a "
				   "mapping");
	if (!config_wants(l, k->path) &&
	    (k->kind == KEY_SECRET || strstr(text, "${")))
		return ST_OK; /* not this program's to know */
	st = config_expand(&value, l, k->path, text, line_of(n));
	if (st == ST_OK && from_file) {
		AUTO_FREE char *path = config_path(l, value);

		st = l->secret(&secret, path, &why);
		if (st != ST_OK)
			st = config_fail(l, line_of(n), k->path, "%s", why.msg);
	}
	if (st == ST_OK)
		st =
		    config_set(l, k, base, secret ? secret : value, line_of(n));
	else if (config_may_lack(l, k->path))
		st = leave_unread(l, k);
	config_wipe(value);
	config_wipe(secret);
	return st;
}

static enum status walk_scalars(struct loader *l, const struct config_key *k,
				void *base, const yaml_node_t *seq)
{
	for (yaml_node_item_t *i = seq->data.sequence.items.start;
	     i < seq->data.sequence.items.top; i++) {
		enum status st = set_scalar(l, k, base, node(l, *i), false);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Defaults and missing keys of one mapping that holds whole rows: the root
 * or one item of a list. */
static enum status complete(struct loader *l, const char *prefix, void *base,
			    size_t line)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		bool item = *prefix != '\0';
		enum status st = ST_OK;

		if (l->seen[i] || !config_key_parent(k, prefix))
			continue;
		if ((k->need & (unsigned)l->use) &&
		    (item || l->use != CONFIG_CLI))
			return config_fail(l, line, k->path, "is missing");
		if (k->def)
			st = config_set(l, k, base, k->def, line);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Whether @k lists mappings, and the size of what one becomes; 0: it does
 * not. */
static size_t item_size(const struct config_key *k)
{
	if (k->kind == KEY_ENDPOINTS)
		return sizeof(struct config_endpoint);
	if (k->kind == KEY_CONTRACTS)
		return sizeof(struct config_contract);
	return k->kind == KEY_SIGNERS ? sizeof(struct config_signer) : 0;
}

static enum status walk_items(struct loader *l, const struct config_key *k,
			      void *base, const yaml_node_t *seq)
{
	size_t size = item_size(k);
	size_t count = (size_t)(seq->data.sequence.items.top -
				seq->data.sequence.items.start);
	char prefix[80], *items = mem_array(count, size);

	memcpy((char *)base + k->off, &items, sizeof(items));
	memcpy((char *)base + k->off_n, &count, sizeof(count));
	snprintf(prefix, sizeof(prefix), "%s[]", k->path);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *n =
		    node(l, seq->data.sequence.items.start[i]);
		enum status st;

		for (size_t j = 0; j < config_key_count; j++) {
			if (config_key_parent(&config_keys[j], prefix))
				l->seen[j] = false;
		}
		st = walk_map(l, n, prefix, items + i * size);
		if (st == ST_OK)
			st = complete(l, prefix, items + i * size, line_of(n));
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status walk_list(struct loader *l, const struct config_key *k,
			     void *base, const yaml_node_t *n)
{
	double count;

	if (n->type != YAML_SEQUENCE_NODE)
		return config_fail(l, line_of(n), k->path, "must be a list");
	count =
	    (double)(n->data.sequence.items.top - n->data.sequence.items.start);
	if (count < k->min || count > k->max)
		return config_fail(l, line_of(n), k->path,
				   "must have %.0f to %.0f entries", k->min,
				   k->max);
	if (item_size(k))
		return walk_items(l, k, base, n);
	return walk_scalars(l, k, base, n);
}

static enum status unknown_key(struct loader *l, const char *prefix,
			       const char *name, const char *path, size_t line)
{
	const char *near = config_key_near(prefix, name);

	if (near)
		return config_fail(l, line, path,
				   "unknown key; did you mean %s?", near);
	return config_fail(l, line, path, "unknown key");
}

static enum status walk_key(struct loader *l, const char *prefix,
			    const char *name, void *base,
			    const yaml_node_t *key, const yaml_node_t *value)
{
	const struct config_key *k;
	bool from_file = false;
	char path[160];
	size_t n;

	snprintf(path, sizeof(path), "%s%s%.70s", prefix, *prefix ? "." : "",
		 name);
	if (config_key_is_section(path))
		return walk_map(l, value, path, base);
	k = config_key_find(path);
	n = strlen(path);
	if (!k && n > 5 && strcmp(path + n - 5, "_file") == 0) {
		path[n - 5] = '\0';
		k = config_key_find(path);
		from_file = k && k->kind == KEY_SECRET;
		path[n - 5] = '_';
	}
	if (!k || (k->kind != KEY_SECRET && strcmp(k->path, path) != 0))
		return unknown_key(l, prefix, name, path, line_of(key));
	if (l->seen[k - config_keys])
		return config_fail(l, line_of(key), k->path,
				   "give it or its _file, not both");
	l->seen[k - config_keys] = true;
	if (k->kind == KEY_STRINGS || k->kind == KEY_ADDRESSES || item_size(k))
		return walk_list(l, k, base, value);
	return set_scalar(l, k, base, value, from_file);
}

static enum status walk_map(struct loader *l, const yaml_node_t *map,
			    const char *prefix, void *base)
{
	const yaml_node_pair_t *first, *top;

	if (map->type != YAML_MAPPING_NODE)
		return config_fail(l, line_of(map),
				   *prefix ? prefix : "the file",
				   "must be a mapping (key: value)");
	first = map->data.mapping.pairs.start;
	top = map->data.mapping.pairs.top;
	if (top - first > MAP_MAX)
		return config_fail(l, line_of(map), prefix, "too many keys");
	for (const yaml_node_pair_t *p = first; p < top; p++) {
		const yaml_node_t *key = node(l, p->key);
		const char *name = scalar(key);
		enum status st;

		if (!name || !*name ||
		    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR"
				 "STUVWXYZ0123456789_-") != strlen(name))
			return config_fail(l, line_of(key), prefix,
					   "not a key's name");
		for (const yaml_node_pair_t *q = first; q < p; q++) {
			const char *other = scalar(node(l, q->key));

			if (other && strcmp(other, name) == 0)
				return config_fail(
				    l, line_of(key), name,
				    "duplicate key; first on line %zu",
				    line_of(node(l, q->key)));
		}
		st = walk_key(l, prefix, name, base, key, node(l, p->value));
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

enum status config_walk(struct loader *l)
{
	yaml_node_t *root = yaml_document_get_root_node(&l->doc);
	enum status st;

	if (!root)
		return config_fail(l, 0, "the file", "is empty");
	st = walk_map(l, root, "", l->c);
	if (st != ST_OK)
		return st;
	return complete(l, "", l->c, 0);
}
