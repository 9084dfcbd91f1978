// Bad input of kernel formulas: messages that say where, and exit codes.
#include "end_to_end/kernels/clouds.hpp"

namespace kronwerk::end_to_end {
namespace {

using KernelRefusal = Clouds;

TEST_F(KernelRefusal, OfReductions) {
  const std::string sum = "reduction: sum";
  const auto replaced = [](std::string text, const std::string& what, const std::string& by) {
    const auto position = text.find(what);
    EXPECT_NE(position, std::string::npos) << what;
    return text.replace(position, what.size(), by);
  };
  const std::string good = job("s*sqdist(x, y)", sum);
  const std::vector<std::pair<std::string, std::string>> cases{
      {job("s*sqdist(x, )", sum + " # y"), "^"},
      {job("s*sqdist(x, y", sum), "^"},
      {job("s*sqdistt(x, y)", sum), "did you mean 'sqdist'?"},
      {replaced(good, "dataset: /y", "dataset: /wide"), "^"},
      {replaced(good, "dataset: /y", "dataset: /wide"), "3"},
      {replaced(good, "dataset: /x", "dataset: /bad"), "cloud.h5:/bad"},
      {replaced(good, "dataset: /x", "dataset: /absent"), "/absent"},
      {job("s*sqdist(x, y)* w", replaced(sum, "sum", "summ")),
       "unknown reduction 'summ' (did you mean 'sum'?)"},
      {replaced(job("s*sqdist(x, y)* w", sum), "dataset: /y", "dataset: /short"),
       "both vary with j but have"},
      {job("s*sqdist(x, y)", "reduction: argkmin\nk: 12"),
       "'argkmin' asks for 12 entries of each of the 11 that are reduced"},
      {job("s*sqdist(x, y)", "reduction: argkmin\nk: 0"), "'k'"},
      {job("s*sqdist(x, y)", "reduction: softmax"), "'weight'"},
      {job("s*sqdist(x, y)", "reduction: [min, sum, min]"), "'min' is named twice"},
      {job("s*sqdist(x, y)", "reduction: argmin\ngradient: {cotangent: ones, points: [x]}"),
       "a gradient is of one reduction"},
      {job("s*sqdist(x, y)", "reduction: sum\ngradient: {cotangent: ones, points: [z]}"),
       "names 'z', which is no variable of the formula"},
      {replaced(good, "{s: 1.3}", "{s: 1.3, t: 2}"), "the parameter 't' is not used"},
      {replaced(good, "index: j", "index: none"), "'y' is a vector of 22"},
  };
  expect_all_refused(cases);
}

TEST_F(KernelRefusal, OfCloudsLargerThanTheMemory) {
  std::string text = job("s*sqdist(x, y)", "reduction: sum");
  write_huge_cloud(path("huge.h5"));
  const std::string y = "cloud.h5, dataset: /y";
  text.replace(text.find(y), y.size(), "huge.h5, dataset: /x");
  const Outcome outcome = run(2, text);
  EXPECT_EQ(outcome.code, 4) << outcome.errors;
  EXPECT_EQ(outcome.count("the job does not fit"), 1) << outcome.errors;
  EXPECT_GE(outcome.count("per rank"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

}  // namespace
}  // namespace kronwerk::end_to_end
