// How to search for outputs: options that the verbs which generate share.
#pragma once

#include "options.h"
#include "transept/transept.h"

namespace transept::cli {

struct SearchOptions {
  GenerateOptions search;
  BatchLimits limits;

  void declare(Options& options);
  // After parsing. Error usage.
  void finish(const Options& options);
  // Reads the files that say which tokens may be said. Error not_found or bad_data.
  void read_restrictions(const Model& model);

 private:
  bool sample_ = false;
  std::string vocabulary_;
  std::string shortlist_;
  ShortlistLimits shortlist_limits_;
};

}  // namespace transept::cli
