#pragma once

// What a random job is made of beside its formula: parameters, matrices, kernels and the datasets
// that hold them.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adversary/material/factors.hpp"
#include "adversary/material/tree.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk::adversary {

/// A dataset (or CSR group) of a file.
struct Dataset {
  std::string path;
  Grid shape;
  std::vector<double> values;
  bool sparse = false;
  std::vector<std::string> texts = {};  ///< instead of numbers
  std::string file = "data.h5";
};

/// A covariance function of points and a length scale, by its definition.
struct KernelFunction {
  const char* name;
  Real (*value)(Real ratio);  ///< of distance / scale
  Real (*slope)(Real ratio);  ///< its derivative by the ratio
};
const std::vector<KernelFunction>& kernel_functions();

/// Points of a kernel: `count` rows of `dimension` numbers.
struct Points {
  Index count = 0;
  Index dimension = 1;
  std::vector<double> values;
};
Points random_points(Random& random, Index count);
Real distance(const Points& a, Index i, const Points& b, Index j);

/// A kernel matrix between two sets of points.
class KernelLeaf final : public Leaf {
 public:
  KernelLeaf(const KernelFunction& function, std::string scale, Points rows, Points cols,
             double jitter)
      : function_(function),
        scale_(std::move(scale)),
        rows_(std::move(rows)),
        cols_(std::move(cols)),
        jitter_(jitter) {}
  Value evaluate(const Parameters& parameters) const override;
  /// The same kernel with other points for its rows.
  KernelLeaf with_rows(Points rows) const { return {function_, scale_, std::move(rows), cols_, 0}; }
  KernelLeaf with_columns(Points cols) const {
    return {function_, scale_, rows_, std::move(cols), 0};
  }
  const Points& points() const { return cols_; }
  const std::string& scale() const { return scale_; }
  double jitter() const { return jitter_; }

 private:
  KernelFunction function_;
  std::string scale_;
  Points rows_;
  Points cols_;
  double jitter_;
};

/// Everything a formula may name, with what the configuration says of it.
class Material {
 public:
  /// A new parameter; its name.
  std::string add_parameter(double value, const std::string& stem = "p");
  void set_parameter(const std::string& name, double value) { parameters_.at(name) = value; }
  std::string add_matrix(const Factor& factor, bool sparse);
  /// A covariance that the file holds as its Cholesky factor or its eigenvectors.
  std::string add_given(Random& random, const Factor& factor, const std::string& form);
  /// A vector for diag(), of one mode or over a grid.
  std::string add_vector(const std::vector<double>& values, const Grid& shape);
  std::string add_kernel(const KernelFunction& function, const Points& points,
                         const std::string& scale, double jitter);
  /// What stands for a matrix of ones in formulas.
  void add_ones(const std::string& text, Index extent);
  /// A dataset that no formula names; its path.
  std::string add_dataset(const std::string& stem, const Grid& shape,
                          const std::vector<double>& values);

  /// A dataset of another file, fit.h5, which looks like the result of a fit. Without extents one
  /// number.
  void add_estimate(const std::string& path, const Grid& shape, const std::vector<double>& values);
  void add_estimate(const std::string& path, const std::vector<std::string>& texts);

  /// `parameters`, `matrices` and `kernels` of the configuration, what `used` names only.
  std::string yaml(const std::set<std::string>& used) const;
  /// Writes all files into this folder.
  void write(const std::string& folder) const;

  const Leaves& leaves() const { return leaves_; }
  const Parameters& parameters() const { return parameters_; }
  const std::vector<Dataset>& datasets() const { return datasets_; }
  /// Kinds of the factors that `used` names, for messages.
  std::string kinds(const std::set<std::string>& used) const;

 private:
  std::string next(const std::string& stem) { return stem + std::to_string(++count_); }

  Parameters parameters_;
  Leaves leaves_;
  std::map<std::string, std::string> entries_;  ///< lines of `matrices`
  std::map<std::string, std::string> kernels_;  ///< lines of `kernels`
  std::map<std::string, std::string> scales_;   ///< the parameters of the kernels
  std::map<std::string, std::string> kinds_;
  std::vector<Dataset> datasets_;
  int count_ = 0;
};

/// All names that occur in a formula.
std::set<std::string> names_in(const NodePtr& node);

/// `values` as "[a, b, c]", each with all its digits.
std::string list_text(const std::vector<double>& values);

}  // namespace kronwerk::adversary
