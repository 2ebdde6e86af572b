// What the .inl files need to be there before them.
#pragma once

// For helpers that must disappear into their callers, to keep vectors in registers.
#define TRANSEPT_INLINE inline __attribute__((always_inline))

// Before a short loop with a constant number of rounds: unroll it wholly, so that arrays of vectors
// become registers.
#ifdef __clang__
#define TRANSEPT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TRANSEPT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace transept {

// 1.5 * 2^23: added to a small float it rounds it to an integer, found in the low bits.
inline constexpr float kRoundMagic = 12582912.0f;

}  // namespace transept
