// Random numbers of dropout, for any instruction set. Included inside an unnamed namespace.

// Philox4x32-10 (base/rng.h) in 16 lanes: words[w][lane] of the counters {first + lane, …}. Loops
// over arrays, which the compiler turns into vectors.
void philox_lanes(const DropoutRow& row, uint32_t first, uint32_t (&words)[4][kLanes]) {
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    words[0][lane] = first + lane;
    words[1][lane] = row.position;
    words[2][lane] = row.example;
    words[3][lane] = row.place;
  }
  uint32_t key0 = row.key[0];
  uint32_t key1 = row.key[1];
  for (int round = 0; round < 10; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t a = uint64_t{0xD2511F53u} * words[0][lane];
      const uint64_t b = uint64_t{0xCD9E8D57u} * words[2][lane];
      words[0][lane] = static_cast<uint32_t>(b >> 32) ^ words[1][lane] ^ key0;
      words[2][lane] = static_cast<uint32_t>(a >> 32) ^ words[3][lane] ^ key1;
      words[1][lane] = static_cast<uint32_t>(b);
      words[3][lane] = static_cast<uint32_t>(a);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}
