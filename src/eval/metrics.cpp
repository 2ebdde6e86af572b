#include "eval/metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "eval/bleu.h"
#include "eval/chrf.h"
#include "eval/error_rate.h"
#include "eval/rouge.h"
#include "eval/ter.h"

namespace transept {
namespace {

using Function = Figure (*)(const TestSet&, const MetricOptions&);

Figure bleu_figure(const TestSet& set, const MetricOptions& options) {
  const BleuScore score = bleu(set, {.tokenizer = options.bleu_tokenizer,
                                     .lowercase = options.lowercase,
                                     .smoothing = options.bleu_smoothing});
  return {
      .name = "BLEU", .score = score.score, .signature = score.signature, .detail = score.detail()};
}

template <int word_order>
Figure chrf_figure(const TestSet& set, const MetricOptions& options) {
  const ChrfScore score = chrf(set, {.word_order = word_order, .lowercase = options.lowercase});
  return {.name = score.name, .score = score.score, .signature = score.signature};
}

Figure ter_figure(const TestSet& set, const MetricOptions&) {
  const TerScore score = ter(set);
  return {.name = "TER",
          .score = score.score,
          .signature = score.signature,
          .detail = fmt::format("({} edits, {:.1f} words)", score.edits, score.reference_length),
          .higher_is_better = false};
}

template <RougeKind kind>
Figure rouge_figure(const TestSet& set, const MetricOptions& options) {
  const RougeScore score = rouge(set, kind, {.stemmer = options.stemmer});
  return {
      .name = score.name,
      .score = score.f_measure,
      .signature = score.signature,
      .detail = fmt::format("(precision {:.4f}, recall {:.4f})", score.precision, score.recall)};
}

template <ErrorUnit unit>
Figure error_figure(const TestSet& set, const MetricOptions&) {
  const ErrorRate rate = error_rate(set, unit);
  constexpr const char* kThings = unit == ErrorUnit::line        ? "lines"
                                  : unit == ErrorUnit::character ? "characters"
                                                                 : "words";
  return {.score = rate.rate,
          .signature = rate.signature,
          .detail = fmt::format("({} of {} {})", rate.edits, rate.length, kThings),
          .higher_is_better = false};
}

struct Entry {
  std::string name;
  Function function;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {"bleu", bleu_figure},
      {"chrf", chrf_figure<0>},
      {"chrf++", chrf_figure<2>},
      {"ter", ter_figure},
      {"rouge1", rouge_figure<RougeKind::rouge1>},
      {"rouge2", rouge_figure<RougeKind::rouge2>},
      {"rougeL", rouge_figure<RougeKind::rouge_l>},
      {"rougeLsum", rouge_figure<RougeKind::rouge_lsum>},
      {"wer", error_figure<ErrorUnit::word>},
      {"cer", error_figure<ErrorUnit::character>},
      {"per", error_figure<ErrorUnit::word>},
      {"ser", error_figure<ErrorUnit::line>},
  };
  return all;
}

std::string upper(std::string name) {
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return name;
}

}  // namespace

std::string Figure::text() const {
  const bool is_share = metric.starts_with("rouge") || metric.ends_with("er");
  const int digits = is_share && metric != "ter" ? 4 : 2;
  return fmt::format("{}|{} = {:.{}f}{}{}", name, signature, score, digits,
                     detail.empty() ? "" : " ", detail);
}

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : entries()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

Figure measure(std::string_view metric, const TestSet& set, const MetricOptions& options) {
  for (const Entry& entry : entries()) {
    if (entry.name != metric) continue;
    Figure figure = entry.function(set, options);
    figure.metric = entry.name;
    if (figure.name.empty()) figure.name = upper(entry.name);
    return figure;
  }
  fail(ErrorCode::usage, "metric '{}': expected one of {}", metric,
       fmt::join(metric_names(), ", "));
}

}  // namespace transept
