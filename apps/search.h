// How to search for outputs: options that the verbs which generate share.
#pragma once

#include <string>
#include <vector>

#include "options.h"
#include "transept/transept.h"

namespace transept::cli {

// What stands between the separators; at least one part, which may be empty.
[[nodiscard]] std::vector<std::string> split_at(const std::string& text, char separator);

struct SearchOptions {
  GenerateOptions search;
  BatchLimits limits;

  void declare(Options& options);
  // After parsing. Error usage.
  void finish(const Options& options);
  // Error usage for what was typed and would change nothing: options of sampling without sampling,
  // of beams without beams.
  void check_effect(const Options& options, const Model& model);
  // Reads the files that say which tokens may be said. Error not_found or bad_data.
  void read_restrictions(const Model& model);

 private:
  void declare_rare(Options& options);  // a part of declare(): what few people ask for
  void finish_ids();
  bool sample_ = false;
  std::string early_stopping_;
  bool remove_invalid_values_ = false;
  bool renormalize_logits_ = false;
  std::optional<std::string> bad_words_, suppress_, begin_suppress_, sequence_bias_;
  std::optional<std::string> forced_bos_, forced_eos_, length_decay_;
  std::string vocabulary_;
  std::string shortlist_;
  ShortlistLimits shortlist_limits_;
};

}  // namespace transept::cli
