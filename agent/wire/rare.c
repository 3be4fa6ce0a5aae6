/* Columns of counts that are zero in most rows, as one sparse map a row: a column's place to its count.
 *
 * Row r has the entries offsets[r] to offsets[r + 1]; of one row places ascend. */

#include <stdint.h>

/* Returns how many entries there are, for which there must be room. */
int64_t gather(const uint64_t *const *columns, int64_t width, int64_t rows, int32_t *offsets,
               uint8_t *places, uint64_t *counts)
{
    int32_t made = 0;
    for (int64_t row = 0; row < rows; row++) {
        offsets[row] = made;
        for (int64_t column = 0; column < width; column++)
            if (columns[column][row]) {
                places[made] = (uint8_t)column;
                counts[made++] = columns[column][row];
            }
    }
    offsets[rows] = made;
    return made;
}

/* Whether places are below width, and ascend in each row. */
int64_t ascends(const int32_t *offsets, const uint8_t *places, int64_t width, int64_t rows)
{
    for (int64_t row = 0; row < rows; row++)
        for (int32_t entry = offsets[row]; entry < offsets[row + 1]; entry++)
            if (places[entry] >= width || (entry > offsets[row] && places[entry] <= places[entry - 1]))
                return 0;
    return 1;
}

/* columns: zeros; one that has no entry need not be there. */
void scatter(const int32_t *offsets, const uint8_t *places, const uint64_t *counts, int64_t rows,
             uint64_t *const *columns)
{
    for (int64_t row = 0; row < rows; row++)
        for (int32_t entry = offsets[row]; entry < offsets[row + 1]; entry++)
            columns[places[entry]][row] = counts[entry];
}
