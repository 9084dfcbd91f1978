#include "application/report/stage_ledger.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kronwerk::application {
namespace {

/// A clock that a test moves by hand.
struct ManualMeter {
  Usage usage{.elapsed = 3, .waiting = 0.5, .messages = 4};
  void pass(double seconds, double waiting = 0) {
    usage.elapsed += seconds;
    usage.waiting += waiting;
    usage.messages += 1;
  }
  StageLedger::Meter meter() {
    return [this] { return usage; };
  }
};

double elapsed(const StageLedger& ledger, const std::string& stage) {
  for (const auto& [name, usage] : ledger.stages()) {
    if (name == stage) return usage.elapsed;
  }
  return -1;
}

TEST(StageLedger, ChargesEverythingOnce) {
  ManualMeter clock;
  StageLedger ledger(clock.meter());
  clock.pass(1);  // nobody's
  ledger.enter("read");
  clock.pass(2, 1);
  ledger.leave();
  clock.pass(4);
  ledger.enter("solve");
  clock.pass(8, 3);
  ledger.leave();
  ledger.enter("read");
  clock.pass(16);
  ledger.leave();
  clock.pass(32);
  ledger.settle();
  EXPECT_EQ(elapsed(ledger, "startup"), 3);
  EXPECT_EQ(elapsed(ledger, "read"), 18);
  EXPECT_EQ(elapsed(ledger, "solve"), 8);
  EXPECT_EQ(elapsed(ledger, "other"), 37);
  EXPECT_EQ(ledger.total().elapsed, clock.usage.elapsed);
  EXPECT_EQ(ledger.total().waiting, clock.usage.waiting);
  EXPECT_EQ(ledger.total().messages, clock.usage.messages);
}

TEST(StageLedger, TakesInnerStagesAwayFromOuterOnes) {
  ManualMeter clock;
  StageLedger ledger(clock.meter());
  ledger.enter("fit");
  clock.pass(1);
  ledger.enter("evaluate");
  clock.pass(2);
  ledger.enter("fit");
  clock.pass(4);
  ledger.leave();
  clock.pass(8);
  ledger.leave();
  clock.pass(16);
  ledger.leave();
  EXPECT_EQ(elapsed(ledger, "fit"), 21);
  EXPECT_EQ(elapsed(ledger, "evaluate"), 10);
  EXPECT_EQ(ledger.total().elapsed, clock.usage.elapsed);
}

TEST(StageLedger, NamesStagesInTheOrderOfTheirBeginningAndTheRestLast) {
  ManualMeter clock;
  StageLedger ledger(clock.meter());
  for (const char* stage : {"write", "read", "write", "solve"}) {
    ledger.enter(stage);
    ledger.leave();
  }
  std::vector<std::string> names;
  for (const auto& stage : ledger.stages()) names.push_back(stage.first);
  EXPECT_EQ(names, (std::vector<std::string>{"startup", "write", "read", "solve", "other"}));
}

TEST(StageLedger, AJobThatIsNotTheFirstHasNoStartUp) {
  ManualMeter clock;
  StageLedger ledger(clock.meter(), false);
  ledger.enter("read");
  clock.pass(2);
  ledger.leave();
  EXPECT_EQ(elapsed(ledger, "startup"), 0);
  EXPECT_EQ(ledger.total().elapsed, 2);
}

TEST(StageLedger, KeepsEveryRepeatByItself) {
  ManualMeter clock;
  StageLedger ledger(clock.meter());
  ledger.enter("solve");
  clock.pass(1);  // before the repeats
  ledger.leave();
  for (const double seconds : {5.0, 2.0, 3.0}) {
    ledger.begin_repeat();
    ledger.enter("solve");
    clock.pass(seconds);
    ledger.leave();
    if (seconds == 3.0) {
      ledger.enter("gradient");
      clock.pass(7);
      ledger.leave();
    }
    clock.pass(0.5);
    ledger.end_repeat();
    clock.pass(64);  // between them
  }
  const auto repeats = ledger.repeats();
  ASSERT_EQ(repeats.size(), 3U);
  const std::vector<std::vector<double>> expected{{0, 5, 0, 0.5}, {0, 2, 0, 0.5}, {0, 3, 7, 0.5}};
  for (std::size_t r = 0; r < repeats.size(); ++r) {
    std::vector<double> seconds;
    std::vector<std::string> names;
    for (const auto& [name, usage] : repeats[r]) {
      names.push_back(name);
      seconds.push_back(usage.elapsed);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"startup", "solve", "gradient", "other"}));
    EXPECT_EQ(seconds, expected[r]) << r;
  }
}

}  // namespace
}  // namespace kronwerk::application
