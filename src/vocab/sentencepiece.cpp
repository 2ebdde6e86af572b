#include "vocab/sentencepiece.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sentencepiece_trainer.h>

#include <exception>
#include <unordered_map>

#include "base/error.h"

namespace transept {
namespace {

// The library works with this many threads whatever the machine has, because sums, and so scores,
// depend on their number.
constexpr int kThreads = 4;
constexpr int kLongestLine = 1 << 20;  // bytes; the library passes over longer ones

class Lines : public sentencepiece::SentenceIterator {
 public:
  explicit Lines(const NextLine& next) : next_(next) { Lines::Next(); }
  [[nodiscard]] bool done() const override { return done_; }
  void Next() override {
    try {
      done_ = !next_(line_);
    } catch (...) {  // not through the library
      error_ = std::current_exception();
      done_ = true;
    }
  }
  [[nodiscard]] const std::string& value() const override { return line_; }
  [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const NextLine& next_;
  std::string line_;
  bool done_ = false;
  std::exception_ptr error_;
};

// The library reads a list from comma-separated values.
std::string comma_separated(const std::vector<std::string>& symbols) {
  for (const std::string& symbol : symbols)
    check(symbol.find_first_of(",\"") == std::string::npos, ErrorCode::usage,
          "symbol \"{}\": commas and quotation marks are not possible in one", symbol);
  return fmt::format("{}", fmt::join(symbols, ","));
}

// "Internal: src/trainer_interface.cc(589) [cond] Vocabulary size too high (90). …" -> from
// "Vocabulary" on.
std::string reason(const std::string& message) {
  const size_t bracket = message.rfind("] ");
  const std::string text = bracket == std::string::npos ? message : message.substr(bracket + 2);
  return text.empty() ? message : text;
}

}  // namespace

std::string train_sentencepiece(const NextLine& next, const VocabularyOptions& options, int size,
                                const MarkIds& marks) {
  std::unordered_map<std::string, std::string> settings = {
      {"model_type", options.type},
      {"vocab_size", std::to_string(size)},
      {"character_coverage", fmt::format("{}", options.coverage)},
      {"byte_fallback", options.byte_fallback ? "true" : "false"},
      {"normalization_rule_name", options.normalization},
      {"num_threads", std::to_string(kThreads)},
      {"max_sentence_length", std::to_string(kLongestLine)},
      {"bos_id", std::to_string(marks.bos)},
      {"pad_id", std::to_string(marks.pad)},
      {"eos_id", std::to_string(marks.eos)},
      {"unk_id", std::to_string(marks.unk)},
      {"minloglevel", "3"},
  };
  if (!options.symbols.empty())
    settings.emplace("user_defined_symbols", comma_separated(options.symbols));
  Lines lines(next);
  std::string model;
  const sentencepiece::util::Status status =
      sentencepiece::SentencePieceTrainer::Train(settings, &lines, &model);
  lines.rethrow();
  check(status.ok(), ErrorCode::usage, "no vocabulary of {} {} pieces: {}", size, options.type,
        reason(status.ToString()));
  return model;
}

}  // namespace transept
