// Products of bf16 pairs with AVX-512 BF16. Included inside an unnamed namespace and a target
// region, after pairs_pack.inl.

// A tile of sums to y: added to it where an earlier part of the inner dimension is there.
TRANSEPT_INLINE void finish_pairs(const GemmPairs& g, int row, int rows, int panel, bool add,
                                  const float* sums) {
  const __mmask16 columns = first_lanes(g.n - panel * kLanes);
  const bool shifts = !add && g.bias != nullptr;
  const float* other = shifts ? g.bias + panel * kLanes : nullptr;
  float* y = g.y + static_cast<size_t>(row) * g.ldy + panel * kLanes;
  for (int r = 0; r < rows && row + r < g.m; ++r, y += g.ldy) {
    __m512 out = _mm512_loadu_ps(sums + r * kLanes);
    if (add || shifts) out = _mm512_add_ps(out, _mm512_maskz_loadu_ps(columns, add ? y : other));
    _mm512_mask_storeu_ps(y, columns, out);
  }
}

// 8 rows of a strip by kPanels panels over the whole inner dimension.
template <int kPanels>
__attribute__((noinline)) void tile_pairs(const GemmPairs& g, int strip, int half, int panel) {
  constexpr int kRows = 8;
  const auto blocks = static_cast<size_t>(pair_blocks(g.k));
  const uint16_t* a = g.left + static_cast<size_t>(strip) * blocks * kPairValues +
                      static_cast<size_t>(half) * kRows * kPairBlock;
  const uint16_t* b = g.right + static_cast<size_t>(panel) * blocks * kPairValues;
  __m512 sum[kPanels][kRows];
  TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) sum[p][r] = _mm512_setzero_ps();
  }
  for (size_t block = 0; block < blocks; ++block, a += kPairValues, b += kPairValues) {
    for (size_t pair = 0; pair < 16; ++pair) {
      __m512i weight[kPanels];
      TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
        weight[p] = _mm512_loadu_si512(b + static_cast<size_t>(p) * blocks * kPairValues +
                                       pair * 2 * kLanes);
      }
      TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
        int32_t two;
        __builtin_memcpy(&two, a + static_cast<size_t>(r) * kPairBlock + pair * 2, sizeof two);
        const __m512i x = _mm512_set1_epi32(two);
        TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
          sum[p][r] = _mm512_dpbf16_ps(sum[p][r], reinterpret_cast<__m512bh>(x),
                                       reinterpret_cast<__m512bh>(weight[p]));
        }
      }
    }
  }
  alignas(64) float sums[kRows * kLanes];
  TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) _mm512_store_ps(sums + r * kLanes, sum[p][r]);
    finish_pairs(g, strip * kLanes + half * kRows, kRows, panel + p, g.accumulate, sums);
  }
}

void gemm_pairs(const GemmPairs& g, int strip_begin, int strip_end, int panel_begin,
                int panel_end) {
  int panel = panel_begin;
  for (; panel + 3 <= panel_end; panel += 3) {
    for (int strip = strip_begin; strip < strip_end; ++strip) {
      for (int half = 0; half < 2; ++half) tile_pairs<3>(g, strip, half, panel);
    }
  }
  for (; panel < panel_end; ++panel) {
    for (int strip = strip_begin; strip < strip_end; ++strip) {
      for (int half = 0; half < 2; ++half) tile_pairs<1>(g, strip, half, panel);
    }
  }
}

int64_t spin_pairs(int64_t rounds) {
  constexpr int kSums = 12;
  volatile float start = 1.0f;  // so that nothing is computed while compiling
  __m512bh x = reinterpret_cast<__m512bh>(_mm512_set1_ps(start));
  __m512 sum[kSums];
  TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) sum[i] = _mm512_setzero_ps();
  for (int64_t round = 0; round < rounds; ++round) {
    TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) {
      asm volatile("" : "+v"(x));  // or the compiler computes the product once
      sum[i] = _mm512_dpbf16_ps(sum[i], x, x);
    }
  }
  TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) start = _mm512_reduce_add_ps(sum[i]);
  return rounds * kSums * kLanes * 2 * 2;
}
