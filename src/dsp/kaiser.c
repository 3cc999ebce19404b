/* kaiser.c - see kaiser.h. */
#include "dsp/kaiser.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

double kaiser_bessel(double x)
{
    double sum = 1, term = 1, q = x * x / 4;
    for (int k = 1; k < 500 && term > 1e-18 * sum; k++) sum += term *= q / ((double)k * k);
    return sum;
}

double kaiser(double u, double beta)
{
    double r = 1 - u * u;
    return r < 0 ? 0 : kaiser_bessel(beta * sqrt(r)) / kaiser_bessel(beta);
}

double kaiser_sinc(double x)
{
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}
