/* What is done to every row and NumPy has no kernel for: hashing, and adding up by groups.
 *
 * All arrays are contiguous and their sizes are the caller's to get right. */

#include <stdint.h>

enum { EMPTY = -1, AHEAD = 16 };

static uint64_t mix(uint64_t hash, uint64_t word, uint64_t seed)
{
    hash = (hash ^ hash >> 29 ^ word) * seed;
    return hash ^ hash >> 32;
}

/* Keys: a table of slots, open addressing; a slot holds a key's number or EMPTY. */

typedef struct {
    int64_t width;         /* words of a key */
    const uint64_t *seeds; /* odd, one a word */
    int32_t *slots;
    int64_t bits; /* their number is 2^bits, and less than half are taken */
    uint64_t *keys;
    int64_t count;
} Table;

static int64_t slot_of(const Table *table, const uint64_t *key)
{
    uint64_t hash = 0;
    for (int64_t word = 0; word < table->width; word++)
        hash = mix(hash, key[word], table->seeds[word]);
    return (int64_t)(hash * 0x9E3779B97F4A7C15u >> (64 - table->bits));
}

static int alike(const uint64_t *one, const uint64_t *other, int64_t width)
{
    for (int64_t word = 0; word < width; word++)
        if (one[word] != other[word])
            return 0;
    return 1;
}

/* The slot that holds the key, or the empty one where it belongs. */
static int64_t settle(const Table *table, const uint64_t *key, int64_t slot)
{
    int64_t mask = ((int64_t)1 << table->bits) - 1;
    while (table->slots[slot] != EMPTY &&
           !alike(table->keys + table->width * table->slots[slot], key, table->width))
        slot = (slot + 1) & mask;
    return slot;
}

void keys_find(const Table *table, const uint64_t *wanted, int64_t count, int64_t *numbers)
{
    for (int64_t start = 0; start < count; start += AHEAD) {
        int64_t slots[AHEAD], some = count - start < AHEAD ? count - start : AHEAD;
        for (int64_t at = 0; at < some; at++) {
            slots[at] = slot_of(table, wanted + table->width * (start + at));
            __builtin_prefetch(table->slots + slots[at]);
        }
        for (int64_t at = 0; at < some; at++) {
            const uint64_t *key = wanted + table->width * (start + at);
            numbers[start + at] = table->slots[settle(table, key, slots[at])];
        }
    }
}

/* As keys_find; new keys are numbered on. There must be room for all. */
void keys_add(Table *table, const uint64_t *wanted, int64_t count, int64_t *numbers)
{
    for (int64_t at = 0; at < count; at++) {
        const uint64_t *key = wanted + table->width * at;
        int64_t slot = settle(table, key, slot_of(table, key));
        if (table->slots[slot] == EMPTY) {
            uint64_t *room = table->keys + table->width * table->count;
            for (int64_t word = 0; word < table->width; word++)
                room[word] = key[word];
            table->slots[slot] = (int32_t)table->count++;
        }
        numbers[at] = table->slots[slot];
    }
}

/* Columns side by side: of each row, width words that are equal where all columns are. Column c goes
 * into word words[c], less lows[c] and shifted by shifts[c]. */
void pack_rows(const int64_t *const *columns, int64_t count, int64_t rows, const int64_t *words,
               const int64_t *lows, const int64_t *shifts, int64_t width, uint64_t *packed)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < count; column++)
            packed[width * row + words[column]] |=
                ((uint64_t)columns[column][row] - (uint64_t)lows[column]) << shifts[column];
}

/* Groups of equal rows of pack_rows, numbered as they first appear. Returns how many.
 * slots: 2^bits of them, EMPTY, more than twice the rows. */
int64_t group_rows(const uint64_t *packed, int64_t width, int64_t rows, uint64_t seed,
                   int32_t *slots, int64_t bits, int32_t *ids, int64_t *first)
{
    int64_t groups = 0, mask = ((int64_t)1 << bits) - 1;
    for (int64_t start = 0; start < rows; start += AHEAD) {
        int64_t hashed[AHEAD], some = rows - start < AHEAD ? rows - start : AHEAD;
        for (int64_t at = 0; at < some; at++) {
            uint64_t hash = seed;
            for (int64_t word = 0; word < width; word++)
                hash = mix(hash, packed[width * (start + at) + word], seed);
            hashed[at] = (int64_t)(hash * 0x9E3779B97F4A7C15u >> (64 - bits));
            __builtin_prefetch(slots + hashed[at]);
        }
        for (int64_t at = 0; at < some; at++) {
            int64_t row = start + at, slot = hashed[at];
            while (slots[slot] != EMPTY &&
                   !alike(packed + width * first[slots[slot]], packed + width * row, width))
                slot = (slot + 1) & mask;
            if (slots[slot] == EMPTY) {
                slots[slot] = (int32_t)groups;
                first[groups++] = row;
            }
            ids[row] = slots[slot];
        }
    }
    return groups;
}

/* Reduce numbers of 1, 2, 4 or 8 bytes by their rows' groups. valid: Arrow's bitmap, from bit `offset`
 * on; numbers whose bit is not set are passed over. NULL: all are valid. */
#define EACH(Type, statement)                                                        \
    for (int64_t row = 0; row < rows; row++) {                                       \
        Type value = ((const Type *)values)[row];                                    \
        if (!valid || valid[(offset + row) >> 3] >> ((offset + row) & 7) & 1)        \
            statement;                                                               \
    }

#define REDUCE(name, Result, statement)                                              \
    void name(const void *values, int64_t width, const uint8_t *valid, int64_t offset, \
              const int32_t *ids, int64_t rows, Result *into)                        \
    {                                                                                \
        switch (width) {                                                             \
        case 1: EACH(uint8_t, statement) break;                                      \
        case 2: EACH(uint16_t, statement) break;                                     \
        case 4: EACH(uint32_t, statement) break;                                     \
        default: EACH(uint64_t, statement)                                           \
        }                                                                            \
    }

REDUCE(sum_groups, uint64_t, into[ids[row]] += value)
REDUCE(least_of_groups, int64_t, if ((int64_t)value < into[ids[row]]) into[ids[row]] = (int64_t)value)
REDUCE(most_of_groups, int64_t, if ((int64_t)value > into[ids[row]]) into[ids[row]] = (int64_t)value)

/* Sparse maps added up by groups. Row r has the entries offsets[r] to offsets[r + 1], each a code
 * below width and a count; a row has no code twice or more often, which adds up all the same.
 * order: rows in order of their groups, the first of group g at bounds[g]. cells: width of them, 0.
 * sum_*: the sums, of which a group's codes ascend; room for as many as there are entries.
 * Returns how many there are. */
int64_t sum_maps(const int32_t *offsets, const int32_t *codes, const uint64_t *counts,
                 const int32_t *order, const int32_t *bounds, int64_t groups, uint64_t *cells,
                 int32_t *sum_offsets, int32_t *sum_codes, uint64_t *sum_counts)
{
    int32_t made = 0;
    for (int64_t group = 0; group < groups; group++) {
        int32_t start = made;
        sum_offsets[group] = made;
        for (int32_t at = bounds[group]; at < bounds[group + 1]; at++) {
            int32_t row = order[at];
            for (int32_t entry = offsets[row]; entry < offsets[row + 1]; entry++) {
                int32_t code = codes[entry], place = start;
                while (place < made && sum_codes[place] < code)
                    place++;
                if (place == made || sum_codes[place] != code) {
                    for (int32_t behind = made++; behind > place; behind--)
                        sum_codes[behind] = sum_codes[behind - 1];
                    sum_codes[place] = code;
                }
                cells[code] += counts[entry];
            }
        }
        for (int32_t place = start; place < made; place++) {
            sum_counts[place] = cells[sum_codes[place]];
            cells[sum_codes[place]] = 0;
        }
    }
    sum_offsets[groups] = made;
    return made;
}

/* Rows in order of their groups. next: where each group begins; moved on to its end. */
void order_by_group(const int32_t *ids, int64_t rows, int32_t *next, int32_t *order)
{
    for (int64_t row = 0; row < rows; row++)
        order[next[ids[row]]++] = (int32_t)row;
}
