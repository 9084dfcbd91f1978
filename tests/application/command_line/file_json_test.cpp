#include "application/command_line/file_json.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kronwerk::application {
namespace {

using io::FileDescription;

TEST(FileJson, HasNumbersAsNumbers) {
  FileDescription file;
  file.file = "a \"b\".h5";
  file.bytes = 4096;
  auto& dense = file.datasets.emplace_back();
  dense.path = "/x";
  dense.info.shape = {2, 3};
  dense.info.type = "float64";
  dense.statistics = {-1, 0.1, 1.0 / 3, 1};
  dense.attributes = {{"scale", std::vector<double>{2.5}},
                      {"corners", std::vector<double>{1, std::nan("")}},
                      {"source", "a\nb"}};
  auto& number = file.datasets.emplace_back();
  number.path = "/rho";
  number.info.stored = 1;
  number.info.type = "float64";
  number.statistics = {0.35, 0.35, 0.35, 0};
  auto& sparse = file.datasets.emplace_back();
  sparse.path = "/W";
  sparse.info.sparse = true;
  sparse.info.form = io::SparseForm::matlab;
  sparse.info.shape = {4, 4};
  sparse.info.stored = 7;
  sparse.info.type = "float32";
  auto& names = file.datasets.emplace_back();
  names.path = "/ids";
  names.info.shape = {9};
  names.info.type = "string";
  names.strings = {"a", "b"};
  auto& elsewhere = file.datasets.emplace_back();
  elsewhere.path = "/far";
  elsewhere.unread = "not followed: external link to f.h5:/x";
  file.groups = {{"/report", {{"residual", std::vector<double>{1.234567890123e-16}}}}};
  file.notes = {"one"};
  file.configuration = "task: solve\n";
  EXPECT_EQ(
      file_json(file),
      R"({"file": "a \"b\".h5", "bytes": 4096, "datasets": {)"
      R"("/x": {"shape": [2, 3], "type": "float64", "min": -1, "max": 0.1, "mean": 0.3333333333333333, )"
      R"("not_finite": 1, "attributes": {"scale": 2.5, "corners": [1, null], "source": "a\u000ab"}}, )"
      R"("/rho": {"shape": [], "type": "float64", "value": 0.35}, )"
      R"("/W": {"shape": [4, 4], "type": "float32", "sparse_by": "columns", "stored": 7}, )"
      R"("/ids": {"shape": [9], "type": "string", "first": ["a", "b"]}, )"
      R"("/far": {"unread": "not followed: external link to f.h5:/x"}}, )"
      R"("groups": {"/report": {"residual": 1.234567890123e-16}}, "notes": ["one"], )"
      R"("configuration": "task: solve\u000a"})");
}

}  // namespace
}  // namespace kronwerk::application
