/* kaiser.h - the Kaiser window, by which windowed sinc filters are made. Source: Kaiser, Schafer (1980). */
#ifndef DSP_KAISER_H
#define DSP_KAISER_H

/* Modified Bessel function of the first kind, order 0. */
double kaiser_bessel(double x);

/* The window at u, -1..1 from edge to edge; 0 outside. */
double kaiser(double u, double beta);

/* sin(pi x) / (pi x). */
double kaiser_sinc(double x);

#endif
