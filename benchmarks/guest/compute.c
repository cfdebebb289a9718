/* Computing for `make bench`: compute sieve | compute sha256 MIB. Prints a number that depends on all of it. */
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 10000000
static unsigned char sieve[LIMIT + 1];

static unsigned count_primes(void) {
    unsigned count = 0;
    for (long i = 2; i <= LIMIT; i++) sieve[i] = 1;
    for (long i = 2; i * i <= LIMIT; i++)
        if (sieve[i])
            for (long j = i * i; j <= LIMIT; j += i) sieve[j] = 0;
    for (long i = 2; i <= LIMIT; i++) count += sieve[i];
    return count;
}

static unsigned constants[64], state[8];
static unsigned turn(unsigned x, int n) { return x >> n | x << (32 - n); }

/* The compression function of FIPS 180-4; the constants are not its own, the work is. */
static void compress(const unsigned char *p) {
    unsigned w[64];
    for (int i = 0; i < 16; i++)
        w[i] = (unsigned)p[4 * i] << 24 | (unsigned)p[4 * i + 1] << 16 | (unsigned)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    unsigned a = state[0], b = state[1], c = state[2], d = state[3];
    unsigned e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        unsigned t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        unsigned t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static unsigned hash(long mib) {
    for (unsigned i = 0; i < 64; i++) constants[i] = i * 2654435761u;
    for (long block = 0; block < mib << 14; block++) compress(sieve + (block << 6) % (1 << 20));
    return state[0];
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    printf("%u\n", argv[1][1] == 'i' ? count_primes() : hash(atol(argv[2])));
    return 0;
}
