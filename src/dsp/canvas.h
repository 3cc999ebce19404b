/* canvas.h - drawing palette pixels in memory: rectangles and small text. Everything outside is cut off. */
#ifndef DSP_CANVAS_H
#define DSP_CANVAS_H

#include <stddef.h>
#include <stdint.h>

/* Borrowed: rows from the top. */
typedef struct {
    uint8_t *pixel; /* [height][width] */
    int width, height;
} canvas;

/* Cells of the one font: letters are 5 x 7 pixels and step by 6, times the scale. */
enum { CANVAS_STEP = 6, CANVAS_LETTER_WIDTH = 5, CANVAS_LETTER_HEIGHT = 7 };

typedef struct {
    int x, y, width, height; /* left, top */
} canvas_box;

void canvas_fill(canvas *c, canvas_box box, uint8_t colour);
/* A column of pixels from y0 to y1, both included, in either order. */
void canvas_column(canvas *c, int x, int y0, int y1, uint8_t colour);

typedef struct {
    int scale; /* 1.. */
    uint8_t colour;
    enum { CANVAS_LEFT, CANVAS_CENTRE, CANVAS_RIGHT } align; /* which part of the text x is */
} canvas_style;

/* y is the top. Bytes that are no printable ASCII leave a gap. */
void canvas_text(canvas *c, int x, int y, const char *text, canvas_style style);

#endif
