// What the .inl files need to be there before them.
#pragma once

// For helpers that must disappear into their callers, to keep vectors in registers.
#define TRANSEPT_INLINE inline __attribute__((always_inline))

namespace transept {

// 1.5 * 2^23: added to a small float it rounds it to an integer, found in the low bits.
inline constexpr float kRoundMagic = 12582912.0f;

}  // namespace transept
