// Control: the signals, and the end by force, on a thread that nothing else holds up.
#pragma once

#include <functional>
#include <memory>

#include "serve/options.h"

namespace transept::serve {

class Control {
 public:
  // What signals mean. Called on the control thread.
  struct Handlers {
    std::function<void()> drain;   // the first SIGTERM or SIGINT
    std::function<void()> cancel;  // the second
    std::function<void()> reload;  // SIGHUP
  };
  Control(const HttpOptions& options, Handlers handlers);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  void start();  // takes the signals from now on
  // Nothing is handled any more; what the process still waits for has the same time as before.
  void release();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transept::serve
