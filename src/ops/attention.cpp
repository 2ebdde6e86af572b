#include "ops/attention.h"

#include <algorithm>
#include <vector>

#include "ops/attention_backward.h"
#include "ops/shape.h"
#include "ops/slices.h"

namespace transept {
namespace {

// A task: one head of one item, a block of its queries.
struct Task {
  int item;
  int head;
  int begin;  // query rows, counted from the item's first
  int end;
};

// Queries handled together. Keys are read once per block, scores stay in cache; a multiple of 6,
// the height of a tile.
int queries_per_block(int n_keys) {
  constexpr int kCacheFloats = 32 * 1024;
  return std::clamp(kCacheFloats / std::max(n_keys, 1), 6, 48) / 6 * 6;
}

std::vector<Task> cut(std::span<const AttentionItem> items, int n_heads) {
  std::vector<Task> tasks;
  for (size_t i = 0; i < items.size(); ++i) {
    const AttentionItem& item = items[i];
    const int n = item.query_end - item.query_begin;
    const int block = queries_per_block(item.keys.length);
    for (int h = 0; h < n_heads; ++h) {
      for (int begin = 0; begin < n; begin += block) {
        tasks.push_back({static_cast<int>(i), h, begin, std::min(begin + block, n)});
      }
    }
  }
  return tasks;
}

// Probabilities of one item for the observer: [n_heads * queries, keys], head by head.
struct Kept {
  Tensor probs;
  int queries = 0;
};

class Attend {
 public:
  Attend(Context& c, ConstTensor q, std::span<const AttentionItem> items, int n_heads, float scale,
         const RelativeBias& bias, const DropoutMask& mask, Tensor y)
      : c_(c),
        q_(q),
        items_(items),
        d_head_(q.cols / n_heads),
        scale_(scale),
        bias_(bias),
        mask_(mask),
        y_(y) {}

  void run(const Task& task, float* scores, std::span<const Kept> kept) const {
    const AttentionItem& item = items_[static_cast<size_t>(task.item)];
    const int m = task.end - task.begin;
    // Keys that the last query of the block sees; earlier queries of a causal block see fewer.
    const int n =
        item.causal ? std::min(item.keys.length, item.position + task.end) : item.keys.length;
    const int ld = panels_for(n) * kLanes;
    product_with_keys(item, task, m, n, scores, ld);
    apply_scales(item.keys.k_scale, item, task, m, n, scores, ld);
    for (int i = 0; i < m; ++i) {
      const int position = item.position + task.begin + i;
      const int valid = item.causal ? std::min(n, position + 1) : n;
      float* row = scores + static_cast<size_t>(i) * static_cast<size_t>(ld);
      c_.kernels.softmax(row, bias_.row(task.head, position), scale_, valid, n);
      if (!mask_.off()) {
        const int query = item.query_begin + task.begin + i;
        c_.kernels.dropout(mask_.row(query, task.head), row, valid, row);
      }
    }
    if (!kept.empty()) keep(kept[static_cast<size_t>(task.item)], task, scores, n, ld);
    apply_scales(item.keys.v_scale, item, task, m, n, scores, ld);
    product_with_values(item, task, m, n, scores, ld);
  }

 private:
  void product_with_keys(const AttentionItem& item, const Task& task, int m, int n, float* scores,
                         int ld) const {
    const auto d_head = static_cast<size_t>(d_head_);
    const size_t k_head = static_cast<size_t>(item.keys.capacity) * d_head;
    const GemmF32 g{
        .a = q_.row(item.query_begin + task.begin) + static_cast<size_t>(task.head) * d_head,
        .lda = static_cast<size_t>(q_.cols),
        .packed = nullptr,
        .panel_stride = d_head * kLanes,
        .y = scores,
        .ldy = static_cast<size_t>(ld),
        .m = m,
        .n = n,
        .k = d_head_,
        .bias = nullptr};
    multiply(g, item.keys.storage, item.keys.k, static_cast<size_t>(task.head) * k_head);
  }

  // A query of a causal block has probability 0 for keys after it: adding 0 * v does not change its
  // sum.
  void product_with_values(const AttentionItem& item, const Task& task, int m, int n,
                           const float* scores, int ld) const {
    const auto d_head = static_cast<size_t>(d_head_);
    const size_t panel = static_cast<size_t>(item.keys.capacity) * kLanes;
    const size_t v_head = static_cast<size_t>(panels_for(d_head_)) * panel;
    const GemmF32 g{
        .a = scores,
        .lda = static_cast<size_t>(ld),
        .packed = nullptr,
        .panel_stride = panel,
        .y = y_.row(item.query_begin + task.begin) + static_cast<size_t>(task.head) * d_head,
        .ldy = static_cast<size_t>(y_.cols),
        .m = m,
        .n = d_head_,
        .k = n,
        .bias = nullptr};
    multiply(g, item.keys.storage, item.keys.v, static_cast<size_t>(task.head) * v_head);
  }

  // The panels begin `first` values after `values`.
  void multiply(GemmF32 g, Storage storage, const void* values, size_t first) const {
    const int panels = panels_for(g.n);
    switch (storage) {
      case Storage::f32:
        g.packed = static_cast<const float*>(values) + first;
        return c_.kernels.gemm_f32(g, 0, panels);
      case Storage::bf16:
        return c_.kernels.gemm_bf16(g, static_cast<const uint16_t*>(values) + first, 0, panels);
      case Storage::int8:
        return c_.kernels.gemm_f32_by_i8(g, static_cast<const int8_t*>(values) + first, 0, panels);
      case Storage::int4:
        break;
    }
    dcheck(false);
  }

  // Each of m rows of n scores by the scales of this head's keys, or of its values.
  void apply_scales(const float* scales, const AttentionItem& item, const Task& task, int m, int n,
                    float* scores, int ld) const {
    if (scales == nullptr) return;
    const float* own = scales + static_cast<ptrdiff_t>(task.head) * item.keys.capacity;
    for (int i = 0; i < m; ++i, scores += ld) c_.kernels.multiply(scores, own, n, scores);
  }

  static void keep(const Kept& kept, const Task& task, const float* scores, int n, int ld) {
    for (int i = task.begin; i < task.end; ++i) {
      const float* from = scores + static_cast<size_t>(i - task.begin) * static_cast<size_t>(ld);
      float* to = kept.probs.row(task.head * kept.queries + i);
      std::copy(from, from + n, to);
      std::fill(to + n, to + kept.probs.cols, 0.F);
    }
  }

  Context& c_;
  ConstTensor q_;
  std::span<const AttentionItem> items_;
  int d_head_;
  float scale_;
  const RelativeBias& bias_;
  const DropoutMask& mask_;
  Tensor y_;
};

void attend_all(Context& c, ConstTensor q, std::span<const AttentionItem> items, int n_heads,
                float scale, const RelativeBias& bias, const DropoutMask& mask, Tensor y) {
  for (const AttentionItem& item : items) {
    check(item.keys.n_heads == n_heads && item.keys.d_head * n_heads == q.cols &&
              0 <= item.query_begin && item.query_begin <= item.query_end &&
              item.query_end <= q.rows,
          ErrorCode::internal, "attention: rows {} to {} of [{}, {}] ask {} heads of {}, for {}",
          item.query_begin, item.query_end, q.rows, q.cols, item.keys.n_heads, item.keys.d_head,
          n_heads);
  }
  const Arena::Frame frame(c.arena);
  const std::vector<Task> tasks = cut(items, n_heads);
  size_t scratch = 0;
  int64_t work = 0;
  std::vector<Kept> kept;
  for (const AttentionItem& item : items) {
    const int n = item.query_end - item.query_begin;
    const size_t ld = static_cast<size_t>(panels_for(item.keys.length)) * kLanes;
    const int block = std::min(n, queries_per_block(item.keys.length));
    scratch = std::max(scratch, ld * static_cast<size_t>(block));
    work += int64_t{n} * item.keys.length * q.cols;
    if (c.observer != nullptr) kept.push_back({c.arena.tensor(n_heads * n, item.keys.length), n});
  }
  // One scratch per thread.
  const int n_scratch = c.pool.size();
  float* scores = c.arena.floats(scratch * static_cast<size_t>(n_scratch));
  const Attend attend(c, q, items, n_heads, scale, bias, mask, y);
  // A few neighbours at a time: a product asks the memory for the keys of the head after its own.
  const auto n_tasks = static_cast<int64_t>(tasks.size());
  const int64_t run = std::clamp(n_tasks / (int64_t{8} * n_scratch), int64_t{1}, int64_t{n_heads});
  constexpr int64_t kSmall = int64_t{16} * 1024;
  const auto run_tasks = [&](int64_t first, int64_t last) {
    const int64_t grain = work < kSmall ? last - first : run;
    c.pool.parallel_for(last - first, grain, [&](int thread, int64_t begin, int64_t end) {
      float* own = scores + static_cast<size_t>(thread) * scratch;
      for (int64_t t = first + begin; t < first + end; ++t)
        attend.run(tasks[static_cast<size_t>(t)], own, kept);
    });
  };
  const auto work_of = [&](int64_t i) {  // each score is made and used once
    const Task& task = tasks[static_cast<size_t>(i)];
    const int n_keys = items[static_cast<size_t>(task.item)].keys.length;
    return int64_t{2} * (task.end - task.begin) * n_keys * (q.cols / n_heads);
  };
  in_slices(c, n_tasks, work_of, run_tasks);
  for (size_t i = 0; i < kept.size(); ++i) c.emit("probs", kept[i].probs, items[i].sequence);
}

}  // namespace

Tensor attention(Context& c, ConstTensor q, std::span<const AttentionItem> items, int n_heads,
                 float scale, const RelativeBias& bias) {
  dcheck(c.tape == nullptr || !c.tape->tracks(q));
  Tensor y = c.arena.tensor(q.rows, q.cols);
  attend_all(c, q, items, n_heads, scale, bias, DropoutMask(c, 0), y);
  return y;
}

Tensor attention(Context& c, ConstTensor q, ConstTensor k, ConstTensor v,
                 std::span<const RowsItem> items, const AttentionOptions& options) {
  Tensor y = c.arena.tensor(q.rows, q.cols);
  const DropoutMask mask(c, options.dropout);
  {
    const Arena::Frame frame(c.arena);
    std::vector<AttentionItem> packed;
    packed.reserve(items.size());
    for (const RowsItem& i : items) {
      const KeyValueView keys =
          pack_keys_values(c, k, v, i.key_begin, i.key_end, options.n_heads, options.keys);
      packed.push_back({i.query_begin, i.query_end, keys, 0, i.causal, i.sequence});
    }
    attend_all(c, q, packed, options.n_heads, options.scale, options.bias, mask, y);
  }
  if (c.tape != nullptr && (c.tape->tracks(q) || c.tape->tracks(k) || c.tape->tracks(v))) {
    dcheck(options.keys == Storage::f32);
    c.tape->record(y, [&c, q, k, v, y, mask, options,
                       own = std::vector<RowsItem>(items.begin(), items.end())] {
      attention_backward(c, q, k, v, y, own, options, mask);
    });
  }
  return y;
}

}  // namespace transept
