/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns nothing. A stream is sequential while reads begin within STREAM_NEAR of
 * where the last one ended, or at the start of a new stream at 0. It has a
 * window and a frontier, up to which all was fetched or asked for:
 *
 *	first		window = STREAM_FIRST, frontier = what the read itself
 *			fetches
 *	frontier half	window = STREAM_WIDE, frontier = end of the read +
 *	of it away, or	window, in whole runs. The kernel asks for so much at
 *	a large first	first where its reader does, and for more only when it
 *	read at 0	has that
 *	frontier a	frontier = likewise: it goes on with each run that is
 *	window away	read, so that the line is never idle. The window doubles
 *			when an eighth of it was read, up to STREAM_MAX; a small
 *			cache takes no more than it keeps until then
 *	no room		window halves, down to a run, where others have it
 *	a jump		window = 0: only what is read is fetched
 *
 * Jumps that missed are counted. When there are as many as the file has runs,
 * each run may expect to be hit again: then a miss brings the whole of its run,
 * unless it would be evicted before that: the cache has to hold the file. In
 * one of half the cache it takes far fewer, and more and more of the other runs
 * are fetched besides, from the miss on and around: all that is lost then, if
 * no more reads come, is time that nobody waits for.
 *
 * (A thousand reads of 4 KiB in 256 MiB fetch all of it in some forty GETs; in
 * 10 GiB they fetch 1 MiB each.)
 */
#include "stream.h"

#include "vers3/util/minmax.h"

#define AROUND_FIRST 2 /* runs */
#define AROUND_MOST  8

static uint64_t round_up(uint64_t x, uint64_t unit)
{
	return (x + unit - 1) / unit * unit;
}

uint64_t stream_runs(uint64_t size_bytes)
{
	return round_up(size_bytes, FETCH_RUN_BYTES) / FETCH_RUN_BYTES;
}

/* What is fetched ahead is to be there when the reader comes to it. */
static uint64_t window_max(uint64_t cache_bytes)
{
	return max_u64(min_u64(STREAM_MAX, cache_bytes / STREAM_SHARE),
		       FETCH_RUN_BYTES);
}

/* How far ahead is fetched, now that it has been read up to there. */
static uint64_t window_next(const struct reader_stream *s, uint64_t end,
			    uint64_t cache_bytes)
{
	uint64_t window = s->window;

	if (window == STREAM_FIRST)
		window = STREAM_WIDE;
	else if (window < STREAM_WIDE || end > s->from + window / STREAM_SURE)
		window *= 2;
	return min_u64(window, window_max(cache_bytes));
}

bool stream_advance(struct reader_stream *s, uint64_t size_bytes,
		    uint64_t cache_bytes, uint64_t offset, uint64_t end,
		    uint64_t *ret_from, uint64_t *ret_to)
{
	bool first = s->next == 0 && s->window == 0;
	uint64_t window, target;

	if (first ? offset != 0
		  : offset > s->next + STREAM_NEAR ||
			    offset + STREAM_NEAR < s->next) {
		s->from = offset;
		s->next = end;
		s->window = 0;
		s->frontier = 0;
		return false;
	}
	if (end > s->next)
		s->next = end;
	if (!s->window) {
		s->window = STREAM_FIRST;
		s->frontier = round_up(end, BLOCK_SIZE);
		if (offset || end < STREAM_LARGE)
			return false;
	} else if (s->window == STREAM_FIRST &&
		   end + STREAM_FIRST / 2 < s->frontier) {
		return false;
	}
	window = window_next(s, end, cache_bytes);
	if (s->frontier >= size_bytes || end + window <= s->frontier)
		return false;
	s->window = window;
	target = round_up(end + window, FETCH_RUN_BYTES);
	*ret_from = s->frontier > offset ? s->frontier : offset;
	*ret_from = *ret_from / BLOCK_SIZE * BLOCK_SIZE;
	*ret_to = min_u64(target, round_up(size_bytes, BLOCK_SIZE));
	if (*ret_to <= *ret_from)
		return false;
	/* Claimed here, so that no other read of the stream asks too. */
	s->frontier = *ret_to;
	return true;
}

void stream_short(struct reader_stream *s, uint64_t end, uint64_t reached)
{
	s->frontier = reached;
	if (s->window > FETCH_RUN_BYTES && reached < end + s->window / 2)
		s->window = max_u64(s->window / 2, FETCH_RUN_BYTES);
}

bool stream_miss(struct reader_stream *s, uint64_t size_bytes,
		 uint64_t cache_bytes, uint64_t offset)
{
	uint64_t runs = stream_runs(size_bytes), dense = runs;
	bool fits = size_bytes <= STREAM_AROUND_MAX &&
		    size_bytes <= cache_bytes / 2;

	if (s->window || size_bytes > cache_bytes)
		return false;
	if (fits)
		dense = min_u64(dense, max_u64(STREAM_DENSE,
					       runs / STREAM_DENSE_SHARE));
	if (s->misses < dense)
		s->misses++;
	if (s->misses < dense)
		return false;
	if (fits && !s->around) {
		s->around = AROUND_FIRST;
		s->around_next = (offset / FETCH_RUN_BYTES + 1) % runs;
		s->around_left = runs - 1;
	}
	return true;
}

unsigned stream_around(struct reader_stream *s)
{
	unsigned runs = s->around_left ? s->around : 0;

	if (s->window)
		return 0;
	if (s->around && s->around < AROUND_MOST)
		s->around *= 2;
	return runs;
}

bool stream_take_run(struct reader_stream *s, uint64_t size_bytes,
		     uint64_t *ret_run)
{
	if (!s->around_left)
		return false;
	s->around_left--;
	*ret_run = s->around_next;
	s->around_next = (s->around_next + 1) % stream_runs(size_bytes);
	return true;
}

void stream_give_run(struct reader_stream *s, uint64_t run)
{
	s->around_left++;
	s->around_next = run;
}
