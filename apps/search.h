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

 private:
  bool sample_ = false;
};

}  // namespace transept::cli
