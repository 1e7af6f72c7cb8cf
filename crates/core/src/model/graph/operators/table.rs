//! The operators by name: the attributes that are read, and what is refused.

use super::NodeProto;
use super::faults::{
    batch_normalization, cast, conv_transpose, einsum, only_one_alpha, pool, recurrent, resize, squeeze,
};

/// An operator of the domains `ai.onnx` or `ai.onnx.ml` that can be run.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// Its name.
    pub name: &'static str,
    /// What of it is refused, as users read it; empty where nothing is.
    pub limit: &'static str,
    /// The attributes that are read; one followed by `<13` in versions below 13.
    pub(super) attributes: &'static str,
    /// Why a node of it can't be run, where it can't, by node and version.
    pub(super) fault: fn(&NodeProto, i64) -> Option<String>,
}

const fn all(name: &'static str, attributes: &'static str) -> Operator {
    Operator { name, limit: "", attributes, fault: |_, _| None }
}

const fn but(
    name: &'static str,
    attributes: &'static str,
    limit: &'static str,
    fault: fn(&NodeProto, i64) -> Option<String>,
) -> Operator {
    Operator { name, limit, attributes, fault }
}

const REDUCTION: &str = "axes<18 keepdims noop_with_empty_axes";
const RECURRENT: &str = "`direction` reverse, `activations`, `activation_alpha`, `activation_beta`, `clip`, `input_forget`, \
     `sequence_lens`";

/// The operators of the domain `ai.onnx` that can be run, in alphabetical order.
pub const SUPPORTED_OPERATORS: &[Operator] = &[
    all("Abs", ""),
    all("Acos", ""),
    all("Acosh", ""),
    all("Add", ""),
    all("And", ""),
    all("ArgMax", "axis keepdims select_last_index"),
    all("ArgMin", "axis keepdims select_last_index"),
    all("Asin", ""),
    all("Asinh", ""),
    all("Atan", ""),
    all("Atanh", ""),
    but(
        "AveragePool",
        "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
        "`auto_pad` with `ceil_mode` or `dilations`",
        pool,
    ),
    but("BatchNormalization", "epsilon momentum spatial training_mode", "training", batch_normalization),
    all("BitShift", "direction"),
    all("BitwiseAnd", ""),
    all("BitwiseNot", ""),
    all("BitwiseOr", ""),
    all("BitwiseXor", ""),
    but("Cast", "saturate to", "to text", cast),
    all("CastLike", "saturate"),
    all("Ceil", ""),
    but("Celu", "alpha", "`alpha` other than 1", only_one_alpha),
    all("Clip", "max<11 min<11"),
    all("Concat", "axis"),
    all("Constant", "value value_float value_floats value_int value_ints value_string value_strings"),
    all("ConstantOfShape", "value"),
    all("Conv", "auto_pad dilations group kernel_shape pads strides"),
    but(
        "ConvTranspose",
        "auto_pad dilations group kernel_shape output_padding output_shape pads strides",
        "`output_shape`; `auto_pad` with `dilations` or `output_padding`",
        conv_transpose,
    ),
    all("Cos", ""),
    all("Cosh", ""),
    all("CumSum", "exclusive reverse"),
    all("DepthToSpace", "blocksize mode"),
    all("Div", ""),
    all("Dropout", "ratio<12 seed"),
    but("Einsum", "equation", "an `equation` that ends in `->`", einsum),
    all("Elu", "alpha"),
    all("Equal", ""),
    all("Erf", ""),
    all("Exp", ""),
    all("Expand", ""),
    all("EyeLike", "dtype k"),
    all("Flatten", "axis"),
    all("Floor", ""),
    but(
        "GRU",
        "activation_alpha activation_beta activations clip direction hidden_size layout linear_before_reset",
        RECURRENT,
        recurrent,
    ),
    all("Gather", "axis"),
    all("GatherElements", "axis"),
    all("GatherND", "batch_dims"),
    all("Gelu", "approximate"),
    all("Gemm", "alpha beta transA transB"),
    all("GlobalAveragePool", ""),
    all("GlobalMaxPool", ""),
    all("Greater", ""),
    all("GreaterOrEqual", ""),
    all("GroupNormalization", "epsilon num_groups stash_type"),
    all("HardSigmoid", "alpha beta"),
    all("HardSwish", ""),
    all("Hardmax", "axis"),
    all("Identity", ""),
    all("InstanceNormalization", "epsilon"),
    all("IsInf", "detect_negative detect_positive"),
    all("IsNaN", ""),
    all("LRN", "alpha beta bias size"),
    but(
        "LSTM",
        "activation_alpha activation_beta activations clip direction hidden_size input_forget layout",
        RECURRENT,
        recurrent,
    ),
    all("LayerNormalization", "axis epsilon stash_type"),
    all("LeakyRelu", "alpha"),
    all("Less", ""),
    all("LessOrEqual", ""),
    all("Log", ""),
    all("LogSoftmax", "axis"),
    all("LpNormalization", "axis p"),
    all("MatMul", ""),
    all("Max", ""),
    but(
        "MaxPool",
        "auto_pad ceil_mode dilations kernel_shape pads storage_order strides",
        "`auto_pad` with `ceil_mode` or `dilations`",
        pool,
    ),
    all("Mean", ""),
    all("MeanVarianceNormalization", "axes"),
    all("Min", ""),
    all("Mish", ""),
    all("Mod", "fmod"),
    all("Mul", ""),
    all("Neg", ""),
    all("Not", ""),
    all("OneHot", "axis"),
    all("Or", ""),
    all("PRelu", ""),
    all("Pad", "mode pads<11 value<11"),
    all("Pow", ""),
    all("RMSNormalization", "axis epsilon stash_type"),
    but(
        "RNN",
        "activation_alpha activation_beta activations clip direction hidden_size layout",
        RECURRENT,
        recurrent,
    ),
    all("Range", ""),
    all("Reciprocal", ""),
    all("ReduceL1", REDUCTION),
    all("ReduceL2", REDUCTION),
    all("ReduceLogSum", REDUCTION),
    all("ReduceLogSumExp", REDUCTION),
    all("ReduceMax", REDUCTION),
    all("ReduceMean", REDUCTION),
    all("ReduceMin", REDUCTION),
    all("ReduceProd", REDUCTION),
    all("ReduceSum", "axes<13 keepdims noop_with_empty_axes"),
    all("ReduceSumSquare", REDUCTION),
    all("Relu", ""),
    all("Reshape", "allowzero"),
    but(
        "Resize",
        "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value \
         keep_aspect_ratio_policy mode nearest_mode",
        "`mode` nearest in version 10",
        resize,
    ),
    all("RotaryEmbedding", "interleaved num_heads rotary_embedding_dim"),
    all("Round", ""),
    all("ScatterElements", "axis reduction"),
    all("ScatterND", "reduction"),
    all("Selu", "alpha gamma"),
    all("Shape", "end start"),
    all("Shrink", "bias lambd"),
    all("Sigmoid", ""),
    all("Sign", ""),
    all("Sin", ""),
    all("Sinh", ""),
    all("Size", ""),
    all("Slice", "axes<10 ends<10 starts<10"),
    all("Softmax", "axis"),
    all("Softplus", ""),
    all("Softsign", ""),
    all("SpaceToDepth", "blocksize"),
    all("Split", "axis num_outputs split<13"),
    all("Sqrt", ""),
    but("Squeeze", "axes<13", "without axes", squeeze),
    all("Sub", ""),
    all("Sum", ""),
    but("Swish", "alpha", "`alpha` other than 1", only_one_alpha),
    all("Tan", ""),
    all("Tanh", ""),
    all("ThresholdedRelu", "alpha"),
    all("Tile", ""),
    all("TopK", "axis k<10 largest sorted"),
    all("Transpose", "perm"),
    all("Trilu", "upper"),
    all("Unsqueeze", "axes<13"),
    all("Where", ""),
    all("Xor", ""),
];

/// The operators of the domain `ai.onnx.ml` that can be run, in alphabetical order.
pub const SUPPORTED_ML_OPERATORS: &[Operator] = &[
    but(
        "TreeEnsemble",
        "aggregate_function leaf_targetids leaf_weights membership_values n_targets nodes_falseleafs \
         nodes_falsenodeids nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes \
         nodes_splits nodes_trueleafs nodes_truenodeids post_transform tree_roots",
        "`float16`",
        |_, _| None,
    ),
    but(
        "TreeEnsembleClassifier",
        "base_values base_values_as_tensor class_ids class_nodeids class_treeids class_weights \
         class_weights_as_tensor classlabels_int64s classlabels_strings nodes_falsenodeids nodes_featureids \
         nodes_hitrates nodes_hitrates_as_tensor nodes_missing_value_tracks_true nodes_modes nodes_nodeids \
         nodes_treeids nodes_truenodeids nodes_values nodes_values_as_tensor post_transform",
        "less than two labels; of two labels weights for the second alone, or two `base_values` for weights of one",
        |_, _| None,
    ),
    all(
        "TreeEnsembleRegressor",
        "aggregate_function base_values base_values_as_tensor n_targets nodes_falsenodeids nodes_featureids \
         nodes_hitrates nodes_hitrates_as_tensor nodes_missing_value_tracks_true nodes_modes nodes_nodeids \
         nodes_treeids nodes_truenodeids nodes_values nodes_values_as_tensor post_transform target_ids \
         target_nodeids target_treeids target_weights target_weights_as_tensor",
    ),
];
