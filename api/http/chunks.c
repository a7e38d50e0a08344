#include "http/chunks.h"

/* The value of a hexadecimal digit, or -1. */
static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
feed_size(struct chunks *c, char byte)
{
	int digit = hex(byte);

	if (digit < 0) {
		c->state = CHUNKS_SIZE_LF;
		return byte == '\r' && c->has_digit;
	}
	if (c->left > UINT64_MAX >> 4)
		return false;
	c->left = c->left << 4 | (uint64_t)digit;
	c->has_digit = true;
	return true;
}

/* Reads one byte that is not data of a chunk; false: malformed. */
static bool
feed_framing(struct chunks *c, char byte)
{
	switch (c->state) {
	case CHUNKS_SIZE:
		return feed_size(c, byte);
	case CHUNKS_SIZE_LF:
		c->state = c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER;
		c->has_digit = false;
		return byte == '\n';
	case CHUNKS_DATA_CR:
		c->state = CHUNKS_DATA_LF;
		return byte == '\r';
	case CHUNKS_DATA_LF:
		c->state = CHUNKS_SIZE;
		return byte == '\n';
	case CHUNKS_TRAILER:
		c->state = byte == '\r' ? CHUNKS_TRAILER_LF : CHUNKS_TRAILER_LINE;
		break;
	case CHUNKS_TRAILER_LINE:
		if (byte == '\n')
			c->state = CHUNKS_TRAILER;
		break;
	case CHUNKS_TRAILER_LF:
		c->state = CHUNKS_END;
		return byte == '\n';
	case CHUNKS_DATA:
	case CHUNKS_END:
		break;
	}
	return ++c->trailer <= CHUNKS_TRAILER_MAX;
}

bool
chunks_feed(struct chunks *c, const char *bytes, size_t n)
{
	while (n > 0 && c->state != CHUNKS_END) {
		size_t step = 1;

		if (c->state == CHUNKS_DATA) {
			step = n < c->left ? n : (size_t)c->left;
			c->left -= step;
			if (c->left == 0)
				c->state = CHUNKS_DATA_CR;
		} else if (!feed_framing(c, *bytes)) {
			return false;
		}
		bytes += step;
		n -= step;
	}
	return true;
}
