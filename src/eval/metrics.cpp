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
          .detail = fmt::format("({} edits, {:.1f} words)", score.edits, score.reference_length)};
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
          .detail = fmt::format("({} of {} {})", rate.edits, rate.length, kThings)};
}

struct Entry {
  std::string name;
  Function function;
  bool higher_is_better;
  int digits;  // printed after the point
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> kAll = {
      {"bleu", bleu_figure, true, 2},
      {"chrf", chrf_figure<0>, true, 2},
      {"chrf++", chrf_figure<2>, true, 2},
      {"ter", ter_figure, false, 2},
      {"rouge1", rouge_figure<RougeKind::rouge1>, true, 4},
      {"rouge2", rouge_figure<RougeKind::rouge2>, true, 4},
      {"rougeL", rouge_figure<RougeKind::rouge_l>, true, 4},
      {"rougeLsum", rouge_figure<RougeKind::rouge_lsum>, true, 4},
      {"wer", error_figure<ErrorUnit::word>, false, 4},
      {"cer", error_figure<ErrorUnit::character>, false, 4},
      {"per", error_figure<ErrorUnit::word>, false, 4},
      {"ser", error_figure<ErrorUnit::line>, false, 4},
  };
  return kAll;
}

const Entry& entry_of(std::string_view metric) {
  for (const Entry& entry : entries()) {
    if (entry.name == metric) return entry;
  }
  fail(ErrorCode::usage, "metric '{}': expected one of {}", metric,
       fmt::join(metric_names(), ", "));
}

std::string upper(std::string name) {
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return name;
}

}  // namespace

std::string Figure::text() const {
  return fmt::format("{}|{} = {:.{}f}{}{}", name, signature, score, digits,
                     detail.empty() ? "" : " ", detail);
}

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> all;
    for (const Entry& entry : entries()) all.push_back(entry.name);
    return all;
  }();
  return kNames;
}

bool higher_is_better(std::string_view metric) {
  return entry_of(metric).higher_is_better;
}

Figure measure(std::string_view metric, const TestSet& set, const MetricOptions& options) {
  const Entry& entry = entry_of(metric);
  Figure figure = entry.function(set, options);
  figure.metric = entry.name;
  figure.higher_is_better = entry.higher_is_better;
  figure.digits = entry.digits;
  if (figure.name.empty()) figure.name = upper(entry.name);
  return figure;
}

}  // namespace transept
