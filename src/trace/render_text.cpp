// The worked example for a terminal. Every cell of a heat map is a shade and a number, so it can be
// read without colour.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "trace/view.h"

namespace transept {
namespace {

constexpr int kLabel = 18;  // columns of a row's name: index and piece
constexpr int kCell = 5;    // "▒ 12 "

class TextRenderer {
 public:
  TextRenderer(const Explanation& e, const ExplanationView& view)
      : e_(e), view_(resolve(e, view)), width_(std::clamp(view.width, 40, 240)) {
    self_ = select(e, e.self, view_);
    cross_ = select(e, e.cross, view_);
  }

  std::string render() {
    texts();
    tokens();
    encoder();
    if (e_.steps.empty()) {
      heading("STEP 3", "there is none");
      wrapped("This model is an encoder on its own: it has no decoder that could ask it anything.");
      return out_;
    }
    int from = 0;
    for (size_t i = 0; i < e_.steps.size(); ++i) {
      attention(i, from);
      next_token(i);
      from = e_.steps[i].positions;
    }
    ending();
    return out_;
  }

 private:
  void line(const std::string& text = "") { out_ += text + "\n"; }

  [[nodiscard]] std::string styled(const std::string& text, const char* code) const {
    return view_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }

  void heading(const std::string& step, const std::string& title) {
    if (!out_.empty()) line();
    line(styled(step, "1;36") + "  " + styled(title, "1"));
  }

  // Indented by two, broken at spaces.
  void wrapped(const std::string& text) {
    std::string current = " ";
    int used = 1;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      const std::string word = text.substr(at, end - at);
      const int width = display_width(word);
      if (used + 1 + width > width_ && used > 1) {
        line(current);
        current = " ";
        used = 1;
      }
      current += " " + word;
      used += 1 + width;
      at = end + 1;
    }
    line(current);
  }

  void texts() {
    heading("STEP 0", "the two texts");
    const std::string given = e_.source.empty() ? "(none)" : "(given as token ids or as a memory)";
    wrapped("input   " + (e_.input_text.empty() ? given : visible(e_.input_text)));
    const char* none = e_.n_prompt > 0 ? "(given as token ids)" : "(none)";
    wrapped("prompt  " + (e_.prompt_text.empty() ? none : visible(e_.prompt_text)));
  }

  // "▁The 37 · ▁quick 1704", wrapped.
  void pieces(std::span<const Explanation::Piece> list) {
    std::string current = "   ";
    int used = 3;
    for (const Explanation::Piece& piece : list) {
      const std::string shown = visible(piece.text);
      const std::string id = fmt::format("{}", piece.id);
      const bool is_id = shown == id;
      const int width = display_width(shown) + (is_id ? 0 : 1 + static_cast<int>(id.size())) + 2;
      if (used + width > width_ && used > 3) {
        line(current);
        current = "   ";
        used = 3;
      }
      current += " " + styled(shown, "1") + (is_id ? "" : " " + styled(id, "2")) + " ";
      used += width;
    }
    line(current);
  }

  void tokens() {
    heading("STEP 1", "both as tokens: pieces of the vocabulary and their ids");
    if (!e_.source.empty()) {
      wrapped(fmt::format("the encoder's input: {}", counted(e_.source.size(), "token")));
      pieces(e_.source);
    }
    if (e_.steps.empty()) return;
    const size_t n = static_cast<size_t>(e_.n_start) + static_cast<size_t>(e_.n_prompt);
    wrapped(
        fmt::format("the decoder begins with: {} ({} put there by the model, {} from the prompt)",
                    counted(n, "token"), e_.n_start, e_.n_prompt));
    pieces(std::span(e_.target).first(n));
  }

  static std::string counted(size_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  }

  void encoder() {
    if (e_.source.empty()) {
      heading("STEP 2", "there is none");
      wrapped("This model is a decoder on its own: it has no encoder and reads no memory.");
      return;
    }
    heading("STEP 2", fmt::format("the encoder's output has shape ({}, {}), made once",
                                  e_.source.size(), e_.d_model));
    wrapped(
        e_.encoder_runs > 0
            ? fmt::format("{} layers turned {} into as many rows of {} numbers. The encoder ran "
                          "once; every step below reads these rows, none makes them again.",
                          e_.encoder_layers, counted(e_.source.size(), "token"), e_.d_model)
            : "These rows were kept in a memory and loaded: the encoder did not run at all.");
    constexpr size_t kRows = 12;
    const auto width = static_cast<size_t>(e_.d_model);
    for (size_t i = 0; i < std::min(kRows, e_.source.size()); ++i) {
      const float* row = e_.hidden.data() + i * width;
      std::string numbers;
      for (size_t j = 0; j < std::min<size_t>(width, 6); ++j)
        numbers += fmt::format("{:8.3f}", row[j]);
      const double norm = std::sqrt(std::inner_product(row, row + width, row, 0.0));
      line("  " + label(i, e_.source[i]) + numbers + fmt::format(" …  length {:.3f}", norm));
    }
    if (e_.source.size() > kRows) wrapped(fmt::format("… {} more rows", e_.source.size() - kRows));
  }

  [[nodiscard]] static std::string label(size_t index, const Explanation::Piece& piece) {
    return fmt::format("{:>4} ", index) + fit(visible(piece.text), kLabel - 6) + " ";
  }

  void attention(size_t step, int from) {
    const int to = e_.steps[step].positions;
    const std::string what =
        fmt::format("layer {} of 0…{}, {}", view_.layer, e_.decoder_layers - 1,
                    view_.head < 0 ? fmt::format("mean of {} heads", e_.n_heads)
                                   : fmt::format("head {} of 0…{}", view_.head, e_.n_heads - 1));
    if (step == 0) {
      heading("STEP 3", "who attends to whom (in percent; " + what + ")");
      wrapped(
          "masked self-attention: each row is a decoder position. It sees every position before it "
          "and itself (the diagonal is included), and none after it (·).");
    } else {
      heading("STEP 3", fmt::format("again, with {} fed back: one new row (percent; {})",
                                    visible(e_.target[static_cast<size_t>(from)].text), what));
      line("  masked self-attention");
    }
    map(self_, std::span(e_.target).first(static_cast<size_t>(to)), from, to, true);
    if (e_.cross.empty()) {
      if (step == 0) wrapped("cross-attention: this model has none; it reads no other text.");
      return;
    }
    if (step == 0)
      wrapped(
          fmt::format("cross-attention: every decoder position over all {} of the input; each "
                      "row adds up to 100.",
                      counted(e_.source.size(), "token")));
    else
      line("  cross-attention");
    map(cross_, e_.source, from, to, false);
  }

  // Rows [from, to) of a [positions, columns] map, in blocks of columns that fit the width.
  void map(const std::vector<float>& weights, std::span<const Explanation::Piece> columns, int from,
           int to, bool causal) {
    const size_t stride = causal ? e_.target.size() : e_.source.size();
    const size_t per_block =
        std::max<size_t>(1, static_cast<size_t>((width_ - kLabel - 2) / kCell));
    for (size_t begin = 0; begin < columns.size(); begin += per_block) {
      const size_t end = std::min(columns.size(), begin + per_block);
      header(columns, begin, end);
      for (auto row = static_cast<size_t>(from); row < static_cast<size_t>(to); ++row) {
        std::string text = "  " + label(row, e_.target[row]);
        for (size_t column = begin; column < end; ++column)
          text += causal && column > row ? "   · " : cell(weights[row * stride + column]);
        while (!text.empty() && text.back() == ' ') text.pop_back();
        line(text);
      }
    }
  }

  void header(std::span<const Explanation::Piece> columns, size_t begin, size_t end) {
    std::string numbers(kLabel + 1, ' ');
    std::string names(kLabel + 1, ' ');
    for (size_t i = begin; i < end; ++i) {
      numbers += fmt::format("{:>4} ", i);
      std::string name = visible(columns[i].text);
      if (name.starts_with("▁") && display_width(name) > 1) name.erase(0, 3);
      names += fit(name, kCell - 1) + " ";
    }
    line(styled(numbers.substr(0, numbers.size() - 1), "2"));
    while (names.back() == ' ') names.pop_back();
    line(styled(names, "2"));
  }

  [[nodiscard]] std::string cell(float weight) const {
    static constexpr std::array<const char*, 5> kShades = {" ", "░", "▒", "▓", "█"};
    const double w = std::clamp(static_cast<double>(weight), 0.0, 1.0);
    const size_t shade = w < 0.02 ? 0 : w < 0.10 ? 1 : w < 0.25 ? 2 : w < 0.50 ? 3 : 4;
    const std::string text = fmt::format("{}{:>3}", kShades[shade], std::lround(w * 100));
    if (!view_.colour) return text + " ";
    // From near black over violet to warm yellow; squares are bright where weights are large.
    const double t = std::sqrt(w);
    const int r = static_cast<int>(24 + 231 * t);
    const int g = static_cast<int>(22 + 180 * t * t);
    const int b = static_cast<int>(48 + 90 * std::sin(3.14159 * t));
    return fmt::format("\x1b[48;2;{};{};{}m\x1b[38;2;{}m{}\x1b[0m ", r, g, b,
                       t > 0.62 ? "20;20;20" : "235;235;235", text);
  }

  static std::string bar(double part, int columns) {
    static constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto eighths = static_cast<size_t>(std::lround(part * columns * 8));
    std::string text;
    for (size_t i = 0; i < eighths / 8; ++i) text += "█";
    return text + kEighths[eighths % 8];
  }

  void next_token(size_t index) {
    const Explanation::Step& step = e_.steps[index];
    heading("STEP 4", fmt::format("the next token, number {} of the output", index + 1));
    int name = 12;
    for (const Explanation::Candidate& candidate : step.top)
      name = std::clamp(display_width(visible(candidate.piece.text)), name, 24);
    for (const Explanation::Candidate& candidate : step.top) {
      const bool chosen = candidate.piece.id == step.chosen.piece.id;
      std::string text = fmt::format("  {} {} {:>7} {:8.4f}  ", chosen ? "→" : " ",
                                     fit(visible(candidate.piece.text), name), candidate.piece.id,
                                     candidate.probability);
      if (chosen) text = styled(text, "1");
      text += styled(bar(candidate.probability, std::min(40, width_ - name - 26)), "33");
      while (text.back() == ' ') text.pop_back();
      line(text);
    }
    const std::string& piece = step.chosen.piece.text;
    const bool listed = std::any_of(step.top.begin(), step.top.end(), [&](const auto& candidate) {
      return candidate.piece.id == step.chosen.piece.id;
    });
    if (!listed)
      wrapped(fmt::format("The model's settings ask for {} here (probability {:.4f}).",
                          visible(piece), step.chosen.probability));
    if (step.finished)
      wrapped(fmt::format("{} is the end mark: the output is complete.", visible(piece)));
    else
      wrapped(fmt::format("{} is chosen and fed back as decoder position {}.", visible(piece),
                          step.positions));
    if (!step.text.empty()) wrapped("so far: " + visible(step.text));
  }

  void ending() {
    line();
    std::string text =
        fmt::format("The decoder wrote one token at a time, starting from {}; {}.",
                    e_.n_prompt > 0 ? "the prompt" : "its start token",
                    e_.source.empty()     ? "each token saw all those before it"
                    : e_.encoder_runs > 0 ? "the encoder ran once"
                                          : "the encoder did not run: the memory was loaded");
    if (!e_.steps.back().finished)
      text +=
          fmt::format(" Stopped after {}; --steps shows more.", counted(e_.steps.size(), "step"));
    wrapped(text);
  }

  const Explanation& e_;
  ExplanationView view_;
  int width_;
  std::vector<float> self_;   // the chosen map, [positions, positions]
  std::vector<float> cross_;  // [positions, source]
  std::string out_;
};

}  // namespace

std::string render_text(const Explanation& explanation, const ExplanationView& view) {
  return TextRenderer(explanation, view).render();
}

}  // namespace transept
