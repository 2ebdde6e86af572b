#include "ops/argmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/int8.h"
#include "ops/linear.h"
#include "ops/shape.h"

namespace transept {
namespace {

constexpr int kLeastOutputs = 4096;  // below, the whole product costs hardly more
constexpr int kAskedBefore = 8;      // making a Screen costs what it saves in 6 to 13 steps
constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr int kChunkPanels = 32;  // of int8, about as much as the second-level cache holds

// From double to float, upwards: a bound stays a bound.
float rounded_up(double value) {
  return static_cast<float>(value * (1 + 0x1p-20));
}

double length_of(const float* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(sum);
}

// One row of activations: how long it is and how far its bytes are from it.
struct Activation {
  float length = 0;
  float error = 0;
};

struct Rows {
  std::vector<uint8_t> bytes;  // [rows, int8_row_bytes(k)]
  std::vector<float> scales;
  std::vector<Activation> bounds;
  bool finite = true;
};

Rows quantize(const KernelTable& kernels, ConstTensor x) {
  const size_t stride = int8_row_bytes(x.cols);
  const auto rows = static_cast<size_t>(x.rows);
  Rows q{std::vector<uint8_t>(rows * stride), std::vector<float>(rows), {}, true};
  for (int r = 0; r < x.rows; ++r) {
    uint8_t* bytes = q.bytes.data() + static_cast<size_t>(r) * stride;
    float& scale = q.scales[static_cast<size_t>(r)];
    kernels.quantize_row(x.row(r), x.cols, bytes, &scale);
    q.finite = q.finite && std::isfinite(scale);
    double off = 0;
    for (int k = 0; k < x.cols; ++k) {
      const double kept = static_cast<double>(scale) * (int{bytes[k]} - 128);
      const double d = static_cast<double>(x.row(r)[k]) - kept;
      off += d * d;
    }
    const double length = length_of(x.row(r), static_cast<size_t>(x.cols));
    const double error = std::sqrt(off);
    // Turning the integer sum into the approximate output rounds four times at most.
    q.bounds.push_back({rounded_up(length), rounded_up(error + 0x1p-21 * (length + error))});
  }
  return q;
}

// Of all outputs, as linear() makes them, a piece at a time: the whole would go to memory and back.
std::vector<Scored> argmax_of_all(Context& c, const Weight& weight, const Weight& bias,
                                  ConstTensor x, std::span<const Banned> banned) {
  const auto rows = static_cast<size_t>(x.rows);
  const int pieces = (panels_for(weight.rows) + kChunkPanels - 1) / kChunkPanels;
  std::vector<Scored> of_piece(static_cast<size_t>(pieces) * rows);
  multiply_in_pieces(c, x, {&weight, &bias}, kChunkPanels, [&](const Piece& piece) {
    ban(banned, piece.first, piece.n, kNever, piece.y);
    Scored* best = of_piece.data() + static_cast<size_t>(piece.index) * rows;
    for (int r = 0; r < x.rows; ++r) {
      const float* row = piece.y.row(r);
      const int index = c.kernels.index_of_largest(row, piece.n);
      best[r] = {piece.first + index, row[index]};
      if (std::isnan(row[index])) best[r].value = kNever;
    }
  });
  std::vector<Scored> best(of_piece.begin(), of_piece.begin() + x.rows);
  for (size_t i = rows; i < of_piece.size(); ++i) {
    if (of_piece[i].value > best[i % rows].value) best[i % rows] = of_piece[i];
  }
  return best;
}

class Search {
 public:
  Search(Context& c, const Weight& weight, const Weight& bias, const Screen& screen, ConstTensor x,
         const Rows& rows, std::span<const Banned> banned)
      : c_(c),
        weight_(weight),
        bias_(bias.empty() ? nullptr : bias.f32()),
        screen_(screen),
        x_(x),
        rows_(rows),
        banned_(banned),
        panels_(panels_for(weight.rows)),
        upper_(c.arena.tensor(x.rows, panels_)) {}

  [[nodiscard]] std::vector<Scored> run() {
    const int chunks = (panels_ + kChunkPanels - 1) / kChunkPanels;
    const Tensor lower = c_.arena.tensor(chunks, x_.rows);
    const size_t scratch_size = static_cast<size_t>(x_.rows) * kChunkPanels * kLanes;
    float* scratch = c_.arena.floats(scratch_size * static_cast<size_t>(c_.pool.size()));
    c_.pool.parallel_for(chunks, 1, [&](int thread, int64_t begin, int64_t end) {
      float* own = scratch + scratch_size * static_cast<size_t>(thread);
      for (int chunk = static_cast<int>(begin); chunk < static_cast<int>(end); ++chunk)
        bound(chunk, own, lower.row(chunk));
    });
    std::vector<Scored> best(static_cast<size_t>(x_.rows));
    c_.pool.parallel_for(x_.rows, 1, [&](int64_t begin, int64_t end) {
      for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) {
        float least = kNever;
        for (int chunk = 0; chunk < chunks; ++chunk) least = std::max(least, lower.row(chunk)[r]);
        best[static_cast<size_t>(r)] = exact(r, least);
      }
    });
    return best;
  }

 private:
  // upper_ for the panels of a chunk, and per row the largest output that is certain.
  void bound(int chunk, float* y, float* lower) {
    const int panel = chunk * kChunkPanels;
    const int n_panels = std::min(kChunkPanels, panels_ - panel);
    const int first = panel * kLanes;
    const int n = std::min(n_panels * kLanes, weight_.rows - first);
    constexpr int kWidth = kChunkPanels * kLanes;
    const Tensor approximate{y, x_.rows, kWidth};
    const GemmI8 g{.a = rows_.bytes.data(),
                   .lda = int8_row_bytes(x_.cols),
                   .a_scale = rows_.scales.data(),
                   .packed = screen_.panels.as<std::byte>() +
                             static_cast<size_t>(panel) * int8_panel_bytes(x_.cols),
                   .y = y,
                   .ldy = kWidth,
                   .m = x_.rows,
                   .n = n,
                   .k = x_.cols,
                   .bias = bias_ == nullptr ? nullptr : bias_ + first};
    c_.kernels.gemm_i8(g, 0, n_panels);
    // Finite, because a margin is added to it and taken from it.
    ban(banned_, first, n, std::numeric_limits<float>::lowest(), approximate);
    for (int r = 0; r < x_.rows; ++r) {
      const Activation& x = rows_.bounds[static_cast<size_t>(r)];
      lower[r] = c_.kernels.bound_outputs({.y = approximate.row(r),
                                           .w_error = screen_.error.data() + first,
                                           .w_length = screen_.length.data() + first,
                                           .x_length = x.length,
                                           .x_error = x.error,
                                           .n = n,
                                           .upper = upper_.row(r) + panel});
    }
  }

  // The largest output of row r among the panels that may hold one >= least.
  [[nodiscard]] Scored exact(int r, float least) const {
    Scored best{0, kNever};
    float y[kLanes];
    for (int panel = 0; panel < panels_; ++panel) {
      if (!(upper_.row(r)[panel] >= least)) continue;
      const int first = panel * kLanes;
      const int n = std::min(kLanes, weight_.rows - first);
      const size_t size = static_cast<size_t>(x_.cols) * kLanes;
      const GemmF32 g{.a = x_.row(r),
                      .lda = static_cast<size_t>(x_.cols),
                      .packed = weight_.packed.as<float>() + static_cast<size_t>(panel) * size,
                      .panel_stride = size,
                      .y = y,
                      .ldy = kLanes,
                      .m = 1,
                      .n = n,
                      .k = x_.cols,
                      .bias = bias_ == nullptr ? nullptr : bias_ + first};
      c_.kernels.gemm_f32(g, 0, 1);
      for (int i = 0; i < n; ++i) {
        if (!(y[i] > best.value)) continue;
        if (!std::ranges::binary_search(banned_, Banned{first + i, r})) best = {first + i, y[i]};
      }
    }
    return best;
  }

  Context& c_;
  const Weight& weight_;
  const float* bias_;
  const Screen& screen_;
  ConstTensor x_;
  const Rows& rows_;
  std::span<const Banned> banned_;
  int panels_;
  Tensor upper_;  // [rows, panels] no output of the panel is larger
};

// The int8 form of one panel and the bounds of its outputs.
void screen_panel(const Weight& weight, int panel, Screen& screen) {
  const auto cols = static_cast<size_t>(weight.cols);
  const float* from = weight.packed.as<float>() + static_cast<size_t>(panel) * cols * kLanes;
  const int first = panel * kLanes;
  const int n = std::min(kLanes, weight.rows - first);
  std::byte* to =
      screen.panels.as<std::byte>() + static_cast<size_t>(panel) * int8_panel_bytes(weight.cols);
  pack_lanes_i8(from, weight.cols, to);
  const Squares squares = squares_i8(to, from, weight.cols);
  for (int lane = 0; lane < n; ++lane) {
    const double length = std::sqrt(squares.kept[lane]);
    const double error = std::sqrt(squares.lost[lane]) * (1 + 0x1p-20);
    // linear() itself rounds once per product (Higham 2002, equation 3.5).
    const double rounding = static_cast<double>(cols + 2) * 0x1p-23 * (length + error);
    const auto output = static_cast<size_t>(first) + static_cast<size_t>(lane);
    screen.error[output] = rounded_up(error + rounding);
    screen.length[output] = rounded_up(length);
  }
}

}  // namespace

void ban(std::span<const Banned> banned, int first, int n, float value, Tensor y) {
  for (auto b = std::ranges::lower_bound(banned, first, {}, &Banned::output);
       b != banned.end() && b->output < first + n; ++b) {
    y.row(b->row)[b->output - first] = value;
  }
}

const Screen* ScreenMaker::get(Context& c, const Weight& weight) {
  const bool worth = weight.storage == Storage::f32 && weight.rows >= kLeastOutputs;
  if (!worth || weight.cols > kInt8MostColumns) return nullptr;
  const std::lock_guard lock(mutex_);
  if (!screen_ && ++asked_ > kAskedBefore) screen_ = make_screen(c, weight);
  return screen_ ? &*screen_ : nullptr;
}

Screen make_screen(Context& c, const Weight& weight) {
  dcheck(weight.storage == Storage::f32);
  const int panels = panels_for(weight.rows);
  const auto n_outputs = static_cast<size_t>(weight.rows);
  Screen screen{Buffer(static_cast<size_t>(panels) * int8_panel_bytes(weight.cols)),
                std::vector<float>(n_outputs), std::vector<float>(n_outputs)};
  c.pool.parallel_for(panels, 16, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      screen_panel(weight, static_cast<int>(panel), screen);
    }
  });
  return screen;
}

std::vector<Scored> linear_argmax(Context& c, const Weight& weight, const Weight& bias,
                                  const Screen* screen, ConstTensor x,
                                  std::span<const Banned> banned) {
  dcheck(std::ranges::is_sorted(banned));
  check_shape(x.cols == weight.cols, weight, x);
  if (screen == nullptr) return argmax_of_all(c, weight, bias, x, banned);
  const Rows rows = quantize(c.kernels, x);
  if (!rows.finite) return argmax_of_all(c, weight, bias, x, banned);
  const Arena::Frame frame(c.arena);
  return Search(c, weight, bias, *screen, x, rows, banned).run();
}

}  // namespace transept
