/* stop.c - see stop.h. */
#include "weights_tools/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked; /* signal handlers reach nothing but statics */

static void note(int number)
{
    asked = number;
}

void stop_on_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup means it */
            sigaction(numbers[i], &act, NULL);
    }
}

int stop_asked(void)
{
    return asked;
}
