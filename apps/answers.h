// Inputs in, answers out: requests for the parts of many inputs, decoded together, and what they
// were answered put together again in the order of the inputs.
#pragma once

#include <functional>
#include <vector>

#include "reading.h"
#include "transept/transept.h"

namespace transept::cli {

class Answers {
 public:
  Answers(const Model& model, const GenerateOptions& search, const BatchLimits& limits)
      : model_(model), search_(search), limits_(limits) {}

  // An answer for each prompt. Several prompts share the input's memory: it is encoded here, once.
  void add(const Reading& reading, const std::vector<std::vector<Token>>& prompts);
  void add(const Memory& memory, const std::vector<std::vector<Token>>& prompts);
  [[nodiscard]] bool empty() const { return answers_.empty(); }

  // Calls `done` with each answer in the order of add(), as soon as all before it are there; `step`
  // whenever some may have been. Leaves nothing to be asked.
  using Done = std::function<void(std::size_t index, const std::vector<Hypothesis>& hypotheses)>;
  void run(const Done& done, const std::function<void()>& step);
  // One after the other; `stream` gets the text of an answer's best hypothesis as it grows.
  void run_streaming(const Done& done, const std::function<void(std::string_view text)>& stream);

 private:
  struct Answer {
    std::size_t n_parts = 0;
    std::size_t n_missing = 0;
    std::vector<std::vector<Hypothesis>> parts;
  };
  struct Part {
    std::size_t answer = 0;
    std::size_t part = 0;
  };
  void add_part(Request request, std::size_t part);

  const Model& model_;
  const GenerateOptions& search_;
  const BatchLimits& limits_;
  std::vector<Request> requests_;
  std::vector<Part> part_of_;  // by request
  std::vector<Answer> answers_;
};

[[nodiscard]] const char* name_of(Finish finish);  // "eos", "length", "stop"

// An output that ends in the middle because nobody said how long it may be should not look whole:
// says so, once, where neither the command nor the folder gave a length.
class LengthNotice {
 public:
  LengthNotice(const Model& model, const GenerateOptions& search, bool quiet);
  void look(const std::vector<Hypothesis>& hypotheses);

 private:
  bool is_wanted_;
};

}  // namespace transept::cli
