// The integer matrix product over int4 panels, for few rows, and their int8 form for more. Included
// inside an unnamed namespace, after gemm_i8.inl and what that needs.
//
// Halves of bytes are taken apart by the compiler's own vectors, the same on every instruction set.

inline constexpr size_t kVectorBytes = size_t{4} * Isa::kWidth;
using Bytes = uint8_t __attribute__((vector_size(kVectorBytes)));
using SignedBytes = int8_t __attribute__((vector_size(kVectorBytes)));
using Words = uint32_t __attribute__((vector_size(kVectorBytes)));

template <class To, class From>
TRANSEPT_INLINE To as(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

template <class V>
TRANSEPT_INLINE V load_vector(const std::byte* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// The weights of the even and of the odd groups.
TRANSEPT_INLINE SignedBytes low_half(Bytes b) {
  return as<SignedBytes>(b & 15) - 8;
}
TRANSEPT_INLINE SignedBytes high_half(Bytes b) {
  return as<SignedBytes>(as<Bytes>(as<Words>(b) >> 4) & 15) - 8;
}

// The factors of block `index` of a part.
TRANSEPT_INLINE Words factors_i4(const std::byte* line, size_t index) {
  return load_vector<Words>(line) >> static_cast<uint32_t>(8 * index) & 255;
}

// Of vector `v` of a line, in whichever panel it is.
TRANSEPT_INLINE size_t vector_place(int v, size_t stride) {
  return static_cast<size_t>(v / kVecs) * stride + static_cast<size_t>(v % kVecs) * kVectorBytes;
}

// kRows rows, a multiple g.lda apart, times a block of `groups` groups of columns: sums of q alone
// are of 32 bits, and join the others times the factor.
template <int kRows, int kPanels>
TRANSEPT_INLINE void block_i4(const GemmI8& g, const uint8_t* a, const std::byte* weights,
                              const std::byte* factors, size_t index, size_t groups,
                              Int8::Sum (&sum)[kRows][kPanels * kVecs]) {
  constexpr int kSums = kPanels * kVecs;
  const size_t stride = int4_panel_bytes(g.k);
  Int8::Sum own[kRows][kSums] = {};
  for (size_t group = 0; group < groups; group += 2, a += 8, weights += kLineBytes) {
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
      const auto both = load_vector<Bytes>(weights + vector_place(v, stride));
      const auto low = as<Int8::Weights>(low_half(both));
      TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) own[r][v] =
          Int8::dot(own[r][v], Int8::splat(a + static_cast<size_t>(r) * g.lda), low);
      if (group + 1 == groups) continue;
      const auto high = as<Int8::Weights>(high_half(both));
      TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) own[r][v] =
          Int8::dot(own[r][v], Int8::splat(a + static_cast<size_t>(r) * g.lda + 4), high);
    }
  }
  TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
    const Words factor = factors_i4(factors + vector_place(v, stride), index);
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) sum[r][v] =
        as<Int8::Sum>(as<Words>(sum[r][v]) + as<Words>(own[r][v]) * factor);
  }
}

template <int kRows, int kPanels>
__attribute__((noinline)) void tile_i4(const GemmI8& g, int panel) {
  constexpr int kSums = kPanels * kVecs;
  const size_t stride = int4_panel_bytes(g.k);
  const std::byte* first = g.packed + static_cast<size_t>(panel) * stride;
  Int8::Sum sum[kRows][kSums];
  TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
    const auto* correction = reinterpret_cast<const int32_t*>(
        first + static_cast<size_t>(v / kVecs) * stride + kLineBytes);
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) sum[r][v] =
        Int8::start(correction + v % kVecs * Isa::kWidth);
  }
  const uint8_t* a = g.a;
  const std::byte* part = first + kInt8Header;
  const size_t groups = int8_row_bytes(g.k) / 4;
  for (size_t group = 0; group < groups; group += kInt4BlockGroups, a += kInt4Block) {
    const size_t index = group % kInt4PartGroups / kInt4BlockGroups;
    const std::byte* weights = part + (1 + group % kInt4PartGroups / 2) * kLineBytes;
    const size_t left = groups - group;
    if (left >= kInt4BlockGroups) {  // a constant, so that the loop is unrolled
      block_i4<kRows, kPanels>(g, a, weights, part, index, kInt4BlockGroups, sum);
    } else {
      block_i4<kRows, kPanels>(g, a, weights, part, index, left, sum);
    }
    if (index + 1 == kInt4BlocksPerLine) part += kInt4PartBytes;
  }
  finish_i8<kRows, kPanels>(g, 0, panel, first, stride, sum);
}

template <int kRows, int kPanels>
void strip_i4(const GemmI8& g, int begin, int end) {
  for (; begin + kPanels <= end; begin += kPanels) tile_i4<kRows, kPanels>(g, begin);
  if constexpr (kPanels > 1) strip_i4<kRows, kPanels - 1>(g, begin, end);
}

template <int kRows = kInt4MostRows>
void strip_of_i4(const GemmI8& g, int begin, int end) {
  constexpr int kPanels = 4 / (kRows * kVecs);  // sums that keep the units busy, twice
  if (g.m == kRows) return strip_i4 < kRows, kPanels == 0 ? 1 : kPanels > (g, begin, end);
  if constexpr (kRows > 1) strip_of_i4<kRows - 1>(g, begin, end);
}

void gemm_i4(const GemmI8& g, int panel_begin, int panel_end) {
  strip_of_i4(g, panel_begin, panel_end);
}

// Tables that only take over the products of another one have no use for it.
[[maybe_unused]] void expand_i4(const std::byte* panel, int k, std::byte* int8_panel) {
  __builtin_memcpy(int8_panel, panel, kInt8Header);
  std::byte* out = int8_panel + kInt8Header;
  const std::byte* part = panel + kInt8Header;
  const size_t groups = int8_row_bytes(k) / 4;
  for (size_t group = 0; group < groups; group += 2, out += 2 * kLineBytes) {
    const size_t in_part = group % kInt4PartGroups;
    if (group > 0 && in_part == 0) part += kInt4PartBytes;
    const bool has_high = group + 1 < groups;
    TRANSEPT_UNROLL for (size_t v = 0; v < kVecs; ++v) {
      const std::byte* line = part + v * kVectorBytes;
      // The factor of a lane in all four bytes.
      const auto factor =
          as<SignedBytes>(factors_i4(line, in_part / kInt4BlockGroups) * 0x01010101u);
      const auto both = load_vector<Bytes>(line + (1 + in_part / 2) * kLineBytes);
      const SignedBytes low = low_half(both) * factor;
      __builtin_memcpy(out + v * kVectorBytes, &low, sizeof low);
      if (!has_high) continue;
      const SignedBytes high = high_half(both) * factor;
      __builtin_memcpy(out + kLineBytes + v * kVectorBytes, &high, sizeof high);
    }
  }
}
