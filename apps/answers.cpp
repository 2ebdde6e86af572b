#include "answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "output.h"

namespace transept::cli {
namespace {

// What is answered where nobody is asked.
std::vector<Hypothesis> blank_answer() {
  Hypothesis blank;
  blank.finish = Finish::eos;
  return {blank};
}

// The answers to an input's parts as one: rank by rank, joined by spaces.
std::vector<Hypothesis> joined(std::vector<std::vector<Hypothesis>> parts) {
  if (parts.empty()) return blank_answer();
  std::vector<Hypothesis> whole = std::move(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    whole.resize(std::min(whole.size(), parts[i].size()));
    for (std::size_t rank = 0; rank < whole.size(); ++rank) {
      Hypothesis& to = whole[rank];
      const Hypothesis& from = parts[i][rank];
      if (!to.text.empty() && !from.text.empty()) to.text += ' ';
      to.text += from.text;
      to.ids.insert(to.ids.end(), from.ids.begin(), from.ids.end());
      to.score += from.score;
      to.logprob += from.logprob;
      if (from.finish != Finish::eos) to.finish = from.finish;
    }
  }
  return whole;
}

}  // namespace

void Answers::add_part(Request request, std::size_t part) {
  part_of_.push_back({answers_.size() - 1, part});
  requests_.push_back(std::move(request));
}

void Answers::add(const Reading& reading, const std::vector<std::vector<Token>>& prompts) {
  std::vector<Request> inputs;
  for (const std::vector<Token>& part : reading.parts) {
    Request& input = inputs.emplace_back();
    if (prompts.size() > 1 && model_.has_encoder())
      input.memory = model_.encode(part);
    else
      input.source = part;
  }
  for (const std::vector<Token>& prompt : prompts) {
    answers_.push_back({inputs.size(), inputs.size(), {}});
    answers_.back().parts.resize(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Request request = inputs[i];
      request.prompt = prompt;
      add_part(std::move(request), i);
    }
  }
}

void Answers::add(const Memory& memory, const std::vector<std::vector<Token>>& prompts) {
  for (const std::vector<Token>& prompt : prompts) {
    answers_.push_back({1, 1, {}});
    answers_.back().parts.resize(1);
    add_part({.memory = memory, .source = {}, .prompt = prompt}, 0);
  }
}

void Answers::run(const Done& done, const std::function<void()>& step) {
  std::size_t next = 0;
  const auto hand_out = [&] {
    for (; next < answers_.size() && answers_[next].n_missing == 0; ++next)
      done(next, joined(std::move(answers_[next].parts)));
    step();
  };
  hand_out();
  model_.generate_batch(requests_, search_, limits_,
                        [&](std::size_t index, std::vector<Hypothesis> hypotheses) {
                          Answer& answer = answers_[part_of_[index].answer];
                          answer.parts[part_of_[index].part] = std::move(hypotheses);
                          --answer.n_missing;
                          hand_out();
                          return true;
                        });
  requests_.clear();
  part_of_.clear();
  answers_.clear();
}

void Answers::run_streaming(const Done& done,
                            const std::function<void(std::string_view text)>& stream) {
  std::size_t index = 0;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    Answer& answer = answers_[i];
    for (std::size_t part = 0; part < answer.n_parts; ++part, ++index) {
      const Request& request = requests_[index];
      GenerateOptions search = search_;
      search.prompt_ids = request.prompt;
      search.any_prompt = true;  // as it is: a prompt of no tokens too
      if (!model_.has_encoder())
        search.prompt_ids.insert(search.prompt_ids.begin(), request.source.begin(),
                                 request.source.end());
      const Memory memory = request.memory.empty() && model_.has_encoder()
                                ? model_.encode(request.source)
                                : request.memory;
      if (part > 0) stream(" ");
      answer.parts[part] = model_.generate(memory, search, [&](Token, std::string_view text) {
        stream(text);
        return true;
      });
    }
    done(i, joined(std::move(answer.parts)));
  }
  requests_.clear();
  part_of_.clear();
  answers_.clear();
}

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::eos:
      return "eos";
    case Finish::stop:
      return "stop";
    case Finish::length:
      break;
  }
  return "length";
}

LengthNotice::LengthNotice(const Model& model, const GenerateOptions& search, bool quiet) {
  const GenerateOptions folder = model.defaults();
  const auto says = [](const GenerateOptions& options) {
    return options.max_new_tokens.has_value() || options.max_length.has_value();
  };
  is_wanted_ = !quiet && !says(search) && !says(folder);
}

void LengthNotice::look(const std::vector<Hypothesis>& hypotheses) {
  const auto is_cut = [](const Hypothesis& one) { return one.finish == Finish::length; };
  if (!is_wanted_ || std::none_of(hypotheses.begin(), hypotheses.end(), is_cut)) return;
  is_wanted_ = false;
  message(
      fmt::format("transept: an output was cut at {} tokens, as neither the model's folder nor "
                  "--max-new-tokens says how long outputs may be",
                  std::find_if(hypotheses.begin(), hypotheses.end(), is_cut)->ids.size()));
}

}  // namespace transept::cli
