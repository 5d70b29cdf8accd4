package harness

import (
	"testing"

	"github.com/hashicorp/nomad/helper/pluginutils/hclspecutils"
	"github.com/hashicorp/nomad/helper/pluginutils/hclutils"
	"github.com/hashicorp/nomad/plugins/shared/hclspec"
	"github.com/shoenig/test/must"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
)

// Value puts options through a schema, as the client does with a job file.
func Value(t *testing.T, schema *hclspec.Spec, options map[string]any) cty.Value {
	t.Helper()
	spec, diags := hclspecutils.Convert(schema)
	must.SliceEmpty(t, diags.Errs(), must.Sprint("the schema is not understood"))
	value, diags, errs := hclutils.ParseHclInterface(options, spec, nil)
	must.SliceEmpty(t, errs)
	must.SliceEmpty(t, diags.Errs())
	return value
}

// Encode gives the bytes that the plugin receives for options.
func Encode(t *testing.T, schema *hclspec.Spec, options map[string]any) []byte {
	t.Helper()
	value := Value(t, schema, options)
	bytes, err := msgpack.Marshal(value, value.Type())
	must.NoError(t, err)
	return bytes
}
