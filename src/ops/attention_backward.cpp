#include "ops/attention_backward.h"

#include <algorithm>
#include <vector>

namespace transept {
namespace {

constexpr int kQueries = 48;  // handled together

struct Gradients {
  Tensor q;
  Tensor k;
  Tensor v;
};

int round_up(int n) {
  return panels_for(n) * kLanes;
}

// Scratch of one thread, for items of at most `keys` keys.
struct Scratch {
  Scratch(Arena& arena, int keys, int d_head, bool drops)
      : k_panels(arena.floats(size(keys, d_head))),
        v_panels(arena.floats(size(keys, d_head))),
        k_columns(arena.floats(size(d_head, keys))),
        probs(arena.floats(size(keys, kQueries))),
        dropped(drops ? arena.floats(size(keys, kQueries)) : probs),
        scores(arena.floats(size(keys, kQueries))),
        strips(arena.floats(size(keys + kStripRows, kQueries))),
        columns(arena.floats(size(d_head, kQueries))) {}

  static size_t size(int rows, int k) {
    return static_cast<size_t>(round_up(rows)) * static_cast<size_t>(k);
  }

  float* k_panels;   // keys: of Q Kᵀ
  float* v_panels;   // values: of dY Vᵀ
  float* k_columns;  // keys, transposed: of dS K
  float* probs;      // [queries, ld]
  float* dropped;    // the same after dropout
  float* scores;     // [queries, ld]: dP, then dS
  float* strips;     // dSᵀ or D(P)ᵀ
  float* columns;    // Q or dY, transposed
};

// One head of one item.
class Head {
 public:
  Head(Context& c, ConstTensor q, ConstTensor k, ConstTensor v, ConstTensor dy,
       const RowsItem& item, const AttentionOptions& options, const DropoutMask& mask, int head,
       const Scratch& s)
      : c_(c),
        q_(q),
        k_(k),
        v_(v),
        dy_(dy),
        item_(item),
        options_(options),
        mask_(mask),
        head_(head),
        d_(q.cols / options.n_heads),
        offset_(head * d_),
        keys_(item.key_end - item.key_begin),
        s_(s) {}

  void run(const Gradients& to, float* dbias) const {
    c_.kernels.pack_f32(k_.row(item_.key_begin) + offset_, ld(k_), keys_, d_, s_.k_panels, 0,
                        panels_for(keys_));
    c_.kernels.pack_f32(v_.row(item_.key_begin) + offset_, ld(v_), keys_, d_, s_.v_panels, 0,
                        panels_for(keys_));
    c_.kernels.pack_columns_f32(k_.row(item_.key_begin) + offset_, ld(k_), d_, keys_, s_.k_columns,
                                0, panels_for(d_));
    const int n = item_.query_end - item_.query_begin;
    for (int begin = 0; begin < n; begin += kQueries) {
      block(begin, std::min(begin + kQueries, n), to, dbias);
    }
  }

 private:
  // Of n keys, how many the query at `position` sees.
  [[nodiscard]] int seen(int n, int position) const {
    return item_.causal ? std::min(n, position + 1) : n;
  }
  static size_t ld(ConstTensor t) { return static_cast<size_t>(t.cols); }

  // Queries [begin, end), counted from the item's first.
  void block(int begin, int end, const Gradients& to, float* dbias) const {
    const int m = end - begin;
    const int n = item_.causal ? std::min(keys_, end) : keys_;  // keys that the last of them sees
    const auto row = static_cast<size_t>(round_up(n));
    with_panels(q_, begin, m, n, s_.k_panels, s_.probs, row);
    with_panels(dy_, begin, m, n, s_.v_panels, s_.scores, row);
    for (int i = 0; i < m; ++i) {
      const int position = begin + i;
      const int valid = seen(n, position);
      float* p = s_.probs + static_cast<size_t>(i) * row;
      float* dp = s_.scores + static_cast<size_t>(i) * row;
      c_.kernels.softmax(p, options_.bias.row(head_, position), options_.scale, valid, n);
      if (!mask_.off()) {
        const DropoutRow drop = mask_.row(item_.query_begin + position, head_);
        float* kept = s_.dropped + static_cast<size_t>(i) * row;
        c_.kernels.dropout(drop, p, n, kept);
        c_.kernels.dropout(drop, dp, n, dp);
      }
      c_.kernels.softmax_backward(p, n, dp);
    }
    add_transposed(s_.dropped, row, dy_, begin, m, n, to.v);  // dV
    for (int i = 0; i < m; ++i) {
      float* ds = s_.scores + static_cast<size_t>(i) * row;
      if (dbias != nullptr) {
        float* out = dbias - (begin + i + options_.bias.least);
        // Not beyond what the query sees: the distances after it belong to the next head.
        c_.kernels.add(ds, out, seen(n, begin + i), out);
      }
      if (options_.scale != 1) c_.kernels.scale(ds, options_.scale, n, ds);
    }
    add_to_queries(begin, m, n, row, to.q);
    add_transposed(s_.scores, row, q_, begin, m, n, to.k);  // dK
  }

  // out[m, n] = rows of `a` times keys or values.
  void with_panels(ConstTensor a, int begin, int m, int n, const float* panels, float* out,
                   size_t row) const {
    const GemmF32 g{.a = a.row(item_.query_begin + begin) + offset_,
                    .lda = ld(a),
                    .packed = panels,
                    .panel_stride = static_cast<size_t>(d_) * kLanes,
                    .y = out,
                    .ldy = row,
                    .m = m,
                    .n = n,
                    .k = d_,
                    .bias = nullptr};
    c_.kernels.gemm_f32(g, 0, panels_for(n));
  }

  void add_to_queries(int begin, int m, int n, size_t row, Tensor dq) const {
    const GemmF32 g{.a = s_.scores,
                    .lda = row,
                    .packed = s_.k_columns,
                    .panel_stride = static_cast<size_t>(keys_) * kLanes,
                    .y = dq.row(item_.query_begin + begin) + offset_,
                    .ldy = ld(dq),
                    .m = m,
                    .n = d_,
                    .k = n,
                    .bias = nullptr,
                    .accumulate = true};
    c_.kernels.gemm_f32(g, 0, panels_for(d_));
  }

  // out[keys] += scoresᵀ[n, m] · b[m queries]
  void add_transposed(const float* scores, size_t row, ConstTensor b, int begin, int m, int n,
                      Tensor out) const {
    c_.kernels.pack_strips_f32(scores, row, n, m, s_.strips);
    c_.kernels.pack_columns_f32(b.row(item_.query_begin + begin) + offset_, ld(b), d_, m,
                                s_.columns, 0, panels_for(d_));
    const GemmF32 g{.a = s_.strips,
                    .lda = 0,
                    .packed = s_.columns,
                    .panel_stride = static_cast<size_t>(m) * kLanes,
                    .y = out.row(item_.key_begin) + offset_,
                    .ldy = ld(out),
                    .m = n,
                    .n = d_,
                    .k = m,
                    .bias = nullptr,
                    .accumulate = true};
    c_.kernels.gemm_strips_f32(g, 0, panels_for(d_));
  }

  Context& c_;
  ConstTensor q_, k_, v_, dy_;
  const RowsItem& item_;
  const AttentionOptions& options_;
  const DropoutMask& mask_;
  int head_;
  int d_;
  int offset_;  // of the head's columns
  int keys_;
  const Scratch& s_;
};

// The items' gradients of the bias, first to last.
void add_bias(Context& c, const RelativeBias& bias, int n_heads, int items, const float* parts) {
  const Tensor total = c.tape->grad({bias.values, n_heads, bias.span});
  c.kernels.add_rows(parts, total.size(), items, static_cast<int>(total.size()), total.data);
}

}  // namespace

void attention_backward(Context& c, ConstTensor q, ConstTensor k, ConstTensor v, ConstTensor y,
                        std::span<const RowsItem> items, const AttentionOptions& options,
                        const DropoutMask& mask) {
  const Gradients to{c.tape->grad(q), c.tape->grad(k), c.tape->grad(v)};
  const Tensor dy = c.tape->grad(y);
  const Arena::Frame frame(c.arena);
  int most_keys = 1;
  for (const RowsItem& item : items) most_keys = std::max(most_keys, item.key_end - item.key_begin);
  const int d_head = q.cols / options.n_heads;
  std::vector<Scratch> scratch;
  scratch.reserve(static_cast<size_t>(c.pool.size()));
  for (int t = 0; t < c.pool.size(); ++t)
    scratch.emplace_back(c.arena, most_keys, d_head, !mask.off());
  const RelativeBias& bias = options.bias;
  const bool to_bias =
      bias.values != nullptr && c.tape->tracks({bias.values, options.n_heads, bias.span});
  const size_t span = to_bias ? static_cast<size_t>(bias.span) : 0;
  const int64_t tasks = static_cast<int64_t>(items.size()) * options.n_heads;
  float* dbias = c.arena.floats(static_cast<size_t>(tasks) * span);
  std::fill_n(dbias, static_cast<size_t>(tasks) * span, 0.F);
  c.pool.parallel_for(tasks, 1, [&](int thread, int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const RowsItem& item = items[static_cast<size_t>(task / options.n_heads)];
      const int head = static_cast<int>(task % options.n_heads);
      const Head work(c, q, k, v, dy, item, options, mask, head,
                      scratch[static_cast<size_t>(thread)]);
      work.run(to, to_bias ? dbias + static_cast<size_t>(task) * span : nullptr);
    }
  });
  if (to_bias) add_bias(c, bias, options.n_heads, static_cast<int>(items.size()), dbias);
}

}  // namespace transept
