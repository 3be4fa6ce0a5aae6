/* Words of 8 bytes to 8 planes of bytes of like weight, and back; little-endian.
 *
 * Sixteen words at a time: interleaving two registers three times brings the bytes of a word
 * together, and separating even from odd bytes three times takes them apart. */

#include <stdint.h>
#include <string.h>

typedef uint8_t Bytes __attribute__((vector_size(16)));

enum { WORD = 8, STEP = 16 };

#define LOW {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define HIGH {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}
#define EVEN {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}
#define ODD {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31}

static Bytes load(const uint8_t *from)
{
    Bytes bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

static void store(uint8_t *to, Bytes bytes)
{
    memcpy(to, &bytes, sizeof bytes);
}

void transpose(const uint8_t *words, int64_t count, uint8_t *planes)
{
    int64_t at = 0;
    for (; at + STEP <= count; at += STEP) {
        Bytes from[WORD], to[WORD];
        for (int i = 0; i < WORD; i++)
            from[i] = load(words + WORD * at + STEP * i);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < WORD / 2; i++) {
                to[i] = __builtin_shuffle(from[2 * i], from[2 * i + 1], (Bytes)EVEN);
                to[i + 4] = __builtin_shuffle(from[2 * i], from[2 * i + 1], (Bytes)ODD);
            }
            memcpy(from, to, sizeof from);
        }
        for (int i = 0; i < WORD; i++)
            store(planes + i * count + at, from[i]);
    }
    for (; at < count; at++)
        for (int i = 0; i < WORD; i++)
            planes[i * count + at] = words[WORD * at + i];
}

void untranspose(const uint8_t *planes, int64_t count, uint8_t *words)
{
    int64_t at = 0;
    for (; at + STEP <= count; at += STEP) {
        Bytes from[WORD], to[WORD];
        for (int i = 0; i < WORD; i++)
            from[i] = load(planes + i * count + at);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < WORD / 2; i++) {
                to[2 * i] = __builtin_shuffle(from[i], from[i + 4], (Bytes)LOW);
                to[2 * i + 1] = __builtin_shuffle(from[i], from[i + 4], (Bytes)HIGH);
            }
            memcpy(from, to, sizeof from);
        }
        for (int i = 0; i < WORD; i++)
            store(words + WORD * at + STEP * i, from[i]);
    }
    for (; at < count; at++)
        for (int i = 0; i < WORD; i++)
            words[WORD * at + i] = planes[i * count + at];
}
