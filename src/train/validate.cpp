#include "train/validate.h"

#include <map>

#include "generate/scheduler.h"

namespace transept {
namespace {

// Distinct inputs, each with its references.
struct Questions {
  std::vector<const Example*> examples;
  std::vector<std::vector<std::string>> references;
};

Questions collect(const Dataset& data, int most) {
  Questions out;
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (size_t i = 0; i < data.examples.size(); ++i) {
    const TextPair& text = data.texts[data.lines[i]];
    const auto [at, is_new] = known.try_emplace({text.prompt, text.input}, out.examples.size());
    if (is_new) {
      if (most > 0 && out.examples.size() == static_cast<size_t>(most)) {
        known.erase(at);
        continue;
      }
      out.examples.push_back(&data.examples[i]);
      out.references.emplace_back();
    }
    out.references[at->second].push_back(text.output);
  }
  return out;
}

}  // namespace

std::vector<Figure> measure_generation(const TrainedModel& trained, const Dataset& data,
                                       const TrainConfig::Validation& settings, ThreadPool& pool,
                                       const KernelTable& kernels) {
  if (settings.metrics.empty()) return {};
  Questions questions = collect(data, settings.max_lines);
  GenerateOptions options = trained.options;
  options.beams = settings.beam;
  options.sample = false;
  options.n_best = 1;
  options.max_new_tokens = settings.max_new_tokens;
  TestSet set;
  set.references = std::move(questions.references);
  set.hypotheses.resize(questions.examples.size());
  Scheduler scheduler(trained.model, pool, {}, kernels);
  for (size_t i = 0; i < questions.examples.size(); ++i) {
    const Example& example = *questions.examples[i];
    Request request;
    request.source = example.source;
    const int start = trained.model.config.has_encoder() ? 1 : 0;
    request.prompt.assign(example.target.begin() + start,
                          example.target.begin() + 1 + example.prompt);
    request.options = options;
    request.on_finished = [&, i](const std::vector<Hypothesis>& found) {
      set.hypotheses[i] = trained.tokenizer->decode(found.front().ids);
    };
    scheduler.add(std::move(request));
  }
  scheduler.run();
  std::vector<Figure> figures;
  figures.reserve(settings.metrics.size());
  for (const std::string& metric : settings.metrics) figures.push_back(measure(metric, set));
  return figures;
}

}  // namespace transept
